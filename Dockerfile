# syntax=docker/dockerfile:1
# Every image of the product:
#   docker build --target gateway                             -t fewshot-gateway .
#   docker build --target worker --build-arg SERVICE=Finetuner -t fewshot-finetuner .       CPU, Debian's libtorch
#   docker build --target worker-gpu --build-arg SERVICE=...                               CUDA, the official TorchSharp packages
# SERVICE is a folder of services/. Microsoft has no Debian images of .NET 10, so Debian gets the runtime from theirs.

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS dotnet-sdk
FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS dotnet-runtime

FROM debian:bookworm-slim AS sdk
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 libstdc++6 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=dotnet-sdk /usr/share/dotnet /usr/share/dotnet
RUN ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet
WORKDIR /src

FROM sdk AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake g++ libtorch-dev make \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN --mount=type=cache,target=/root/.nuget/packages \
    for service in Gateway LatencyProfiler ImageSynthesizer BlockTrial Finetuner; do \
        dotnet publish services/$service -c Release -o /out/$service && ln -s Fewshot.$service /out/$service/service || exit 1; done

FROM sdk AS build-gpu
COPY . .
RUN --mount=type=cache,target=/root/.nuget/packages \
    for service in LatencyProfiler ImageSynthesizer BlockTrial Finetuner; do \
        dotnet publish services/$service -c Release -r linux-x64 --no-self-contained -p:OfficialPackages=true -p:TorchCuda=true -o /out/$service \
        && ln -s Fewshot.$service /out/$service/service || exit 1; done

FROM debian:bookworm-slim AS runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 64198 fewshot \
    && useradd --uid 64198 --gid 64198 --no-create-home --home-dir /state --shell /usr/sbin/nologin fewshot \
    && install -d -o fewshot -g fewshot /state
COPY --from=dotnet-runtime /usr/share/dotnet /usr/share/dotnet
# Nothing is written outside /state and /tmp: the root file system may be read-only.
ENV DOTNET_ROOT=/usr/share/dotnet DOTNET_EnableDiagnostics=0 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 Fewshot__StateFolder=/state
WORKDIR /app
USER 64198:64198
EXPOSE 5210 5211
ENTRYPOINT ["/app/service"]

FROM runtime AS gateway
COPY --from=build /out/Gateway /app

FROM runtime AS worker
USER root
RUN apt-get update \
    && apt-get install -y --no-install-recommends libopenblas0-openmp libtorch1.13 \
    && rm -rf /var/lib/apt/lists/*
# After the packages, which are one layer of all four then.
ARG SERVICE
COPY --from=build /out/${SERVICE} /app
USER 64198:64198

# The driver comes from the node, everything else of CUDA from the packages.
FROM runtime AS worker-gpu
ARG SERVICE
COPY --from=build-gpu /out/${SERVICE} /app
# Which GPUs it sees is the device plugin's to say.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
