# syntax=docker/dockerfile:1
# Both images of the product:
#   docker build --target gateway                            -t fewshot-gateway .
#   docker build --target worker                             -t fewshot-worker .           libtorch for the CPU
#   docker build --target worker --build-arg TORCH_CUDA=true -t fewshot-worker:gpu .       libtorch with CUDA
# A worker serves all four stages, or the one that the variable SERVICE names: LatencyProfiler, ImageSynthesizer, BlockTrial or Finetuner.

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG TORCH_CUDA=false
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /src
COPY . .
# The programs of the workers share one folder, because nearly all of their files are the same; the native libraries become a layer of
# their own.
RUN --mount=type=cache,target=/root/.nuget/packages \
    publish() { dotnet publish services/$1 -c Release -r linux-x64 --no-self-contained -p:TorchCuda=$TORCH_CUDA -o /out/$2; } \
    && publish Gateway gateway \
    && for service in LatencyProfiler ImageSynthesizer BlockTrial Finetuner Worker; do publish $service worker || exit 1; done \
    && mkdir /out/native && mv /out/worker/*.so* /out/native/

FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS runtime
RUN groupadd --gid 64198 fewshot \
    && useradd --uid 64198 --gid 64198 --no-create-home --home-dir /state --shell /usr/sbin/nologin fewshot \
    && install -d -o fewshot -g fewshot /state
# Nothing is written outside /state and /tmp: the root file system may be read-only.
# The base image's port 8080 is not listened on: Fewshot__Listen says where.
ENV ASPNETCORE_HTTP_PORTS= DOTNET_EnableDiagnostics=0 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 Fewshot__StateFolder=/state
WORKDIR /app
USER 64198:64198
EXPOSE 5210 5211

FROM runtime AS gateway
COPY --from=build /out/gateway /app
EXPOSE 7401 11111
ENTRYPOINT ["/app/Fewshot.Gateway"]

# The driver of a GPU comes from the node, everything else of CUDA from the packages; which GPUs it sees is the device plugin's to say.
FROM runtime AS worker
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
# More than nine tenths of the image, and the same until TorchSharp has a new version.
COPY --from=build /out/native /app
COPY --from=build /out/worker /app
ENV SERVICE=Worker
# exec: the service must be the process that gets SIGTERM.
ENTRYPOINT ["/bin/sh", "-c", "exec /app/Fewshot.$SERVICE \"$@\"", "worker"]
