# Builds the bundle, then an image with Node and nothing else. Runs as a user without rights, needs no writable file
# system, and takes the argument list of the Go EPP's charts as it is.
FROM node:26-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json rolldown.config.ts ./
COPY src src
RUN npm run build

FROM node:26-bookworm-slim
ARG COMMIT=unknown
ENV NODE_ENV=production POINTSMAN_COMMIT=${COMMIT}
WORKDIR /app
COPY --from=build --chown=0:0 --chmod=0555 /build/dist /app
USER 65532:65532
EXPOSE 9002 9003 9090
ENTRYPOINT ["node", "/app/pointsman.js"]
