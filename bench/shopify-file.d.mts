export function writeShopifyFile(file: string, bytes: number): Promise<number>;
