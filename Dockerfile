# Everything that builds stays in this stage: the dev dependencies, the compiler, the generator of the Prisma client.
FROM node:24-bookworm-slim AS build
WORKDIR /app
ENV NPM_CONFIG_AUDIT=false NPM_CONFIG_FUND=false NPM_CONFIG_UPDATE_NOTIFIER=false
# The dependencies before the sources: a layer of their own, which an edit of the code does not invalidate.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json prisma.config.ts ./
COPY prisma prisma
COPY src src
COPY scripts scripts
RUN npm run build
# `prisma` and `typescript` are optional peers of @prisma/client: leaving out dev alone would keep them, 200 MB in all.
RUN npm prune --ignore-scripts --omit=dev --omit=optional --omit=peer && node scripts/prune-production.mjs

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 METRICS_HOST=0.0.0.0
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/prisma/migrations prisma/migrations
COPY --from=build /app/prisma/demo prisma/demo
COPY --from=build /app/dist dist
# The files belong to root: the service reads them and can write none. Uploads pass through /tmp, nothing else is written.
# A number, because whoever must see that it is not root (Kubernetes: runAsNonRoot) cannot look a name up.
USER 1000:1000
EXPOSE 3000
STOPSIGNAL SIGTERM
# Ready, not live: a process that has lost its database cannot serve, and whoever waits for this container waits for one that can.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`, { signal: AbortSignal.timeout(2500) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node 20 and 22 take up to 16 MB by themselves, three times over; Node 24 takes 64, which costs 100 MB beside a busy import. Neither gains a hit
# anything that 8 do not.
CMD ["node", "--max-semi-space-size=8", "dist/server.js"]
