export interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  format?: string;
}

export interface Parameter {
  in: 'path' | 'query' | 'header';
  name: string;
  required?: boolean;
  schema: Schema;
}

type Content = Record<string, { schema: Schema }>;

export interface Operation {
  method: string;
  path: string;
  summary?: string;
  description?: string;
  security?: object[];
  parameters: Parameter[];
  body: Content | undefined;
  responses: Record<string, { description?: string; headers?: Record<string, { required?: boolean; schema: Schema }>; content?: Content }>;
}

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<
    string,
    Record<string, Omit<Operation, 'method' | 'path' | 'body' | 'parameters'> & { parameters?: Parameter[]; requestBody?: { content: Content } }>
  >;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, object> };
}

export function operationsOf({ paths }: OpenApiDocument): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { requestBody, parameters = [], ...operation }]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
      parameters,
      body: requestBody?.content,
    })),
  );
}

/** What a reference names; undefined where it leads nowhere. */
export function resolve(document: OpenApiDocument, reference: string): Schema | undefined {
  const steps = reference.replace(/^#\//, '').split('/');
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[decodeStep(step)], document) as Schema | undefined;
}

function decodeStep(step: string): string {
  return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
}
