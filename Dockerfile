# syntax=docker/dockerfile:1
# Every image of the product:
#   docker build --target gateway                             -t fewshot-gateway .
#   docker build --target worker --build-arg SERVICE=Finetuner -t fewshot-finetuner .       libtorch for the CPU
#   docker build --target worker --build-arg SERVICE=Finetuner --build-arg TORCH_CUDA=true -t fewshot-finetuner-gpu .       libtorch with CUDA
# SERVICE is a folder of services/.

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG TORCH_CUDA=false
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /src
COPY . .
# The native libraries of the four stages are the same, and a layer of their own.
RUN --mount=type=cache,target=/root/.nuget/packages \
    mkdir -p /out/native && for service in Gateway LatencyProfiler ImageSynthesizer BlockTrial Finetuner; do \
        dotnet publish services/$service -c Release -r linux-x64 --no-self-contained -p:TorchCuda=$TORCH_CUDA -o /out/$service \
        && ln -s Fewshot.$service /out/$service/service || exit 1; \
        [ $service = Gateway ] || mv -f /out/$service/*.so* /out/native/ || exit 1; done

FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS runtime
RUN groupadd --gid 64198 fewshot \
    && useradd --uid 64198 --gid 64198 --no-create-home --home-dir /state --shell /usr/sbin/nologin fewshot \
    && install -d -o fewshot -g fewshot /state
# Nothing is written outside /state and /tmp: the root file system may be read-only.
ENV DOTNET_EnableDiagnostics=0 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 Fewshot__StateFolder=/state
WORKDIR /app
USER 64198:64198
EXPOSE 5210 5211
ENTRYPOINT ["/app/service"]

FROM runtime AS gateway
COPY --from=build /out/Gateway /app

# The driver of a GPU comes from the node, everything else of CUDA from the packages; which GPUs it sees is the device plugin's to say.
FROM runtime AS worker
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build /out/native /app
ARG SERVICE
COPY --from=build /out/${SERVICE} /app
