# The composition function, the command line and the bootstrap program: one image.
#
#   docker build -t function-openova .
#
# Other base images, such as mirrors, by build argument; other settings of npm by the secret `npmrc`:
#
#   docker build --build-arg BUILD_BASE=… --build-arg RUNTIME_BASE=… --secret id=npmrc,src=$HOME/.npmrc .

# Renovate pins both by digest.
ARG BUILD_BASE=docker.io/library/node:24-trixie-slim
ARG RUNTIME_BASE=gcr.io/distroless/nodejs24-debian13:nonroot

# Nothing built here depends on the machine's kind, so every platform's image takes it from the builder's own.
FROM --platform=$BUILDPLATFORM ${BUILD_BASE} AS build
WORKDIR /build

# No package's scripts run: none of those that stay needs one.
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --ignore-scripts --no-audit --no-fund

COPY tsconfig.json tsconfig.build.json ./
COPY functions functions
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json

# What the SDK declares for its models and its code generator, and nothing imports at run time, is half of the size;
# types, source maps and tests are another quarter. Sources of ssh2's native parts and modules for the runtime Bare are
# not used by Node.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
    && rm -rf node_modules/.bin node_modules/.package-lock.json node_modules/@kubernetes-models \
      node_modules/@types node_modules/bare-* node_modules/cpu-features node_modules/nan \
      node_modules/kubernetes-models node_modules/dprint-node node_modules/re2-wasm node_modules/ts-poet \
      node_modules/ts-proto node_modules/ts-proto-descriptors \
    && find node_modules dist -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \
      -o -name '*.test.js' \) -delete

FROM ${RUNTIME_BASE}
LABEL org.opencontainers.image.title="function-openova" \
      org.opencontainers.image.description="Composes the OpenOva Kubernetes platform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/openova/openova"
ENV NODE_ENV=production
COPY package.json LICENSE /app/
COPY --from=build /build/node_modules /app/node_modules
# For a first look: docker run … render examples/two-regions.yaml
COPY examples /app/examples
COPY --from=build /build/dist/functions /app/functions

WORKDIR /app
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
# gRPC with client certificates, metrics, gRPC health
EXPOSE 9443 8080 8081
ENTRYPOINT ["/nodejs/bin/node", "/app/functions/cli/main.js"]
CMD ["serve"]
