// A test worker whose run was killed would go on alone, and with it the servers it has started.
process.once('disconnect', () => process.exit(1));
