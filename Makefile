# Everything a fresh clone needs. `make demo` shows the product at work, `make test` checks it.
.PHONY: setup setup-run build demo demo-network test bench clean

# Debian packages for the product and its tests; installs only what is missing.
setup:
	scripts/setup test

setup-run:
	scripts/setup run

build: setup-run
	./fewshot --version

# Compresses the shipped network (samples/) for real, on images drawn here; no other data is needed.
demo: setup-run
	scripts/demo

# Makes the shipped network again, from drawn images alone.
demo-network: setup-run
	samples/make

test: setup
	scripts/test

bench: setup
	dotnet run -c Release --project tests/Benchmarks/OperatorCall
	dotnet run -c Release --project tests/Benchmarks/GrpcThroughput
	dotnet run -c Release --project tests/Benchmarks/ArtifactTransfer
	dotnet run -c Release --project tests/Benchmarks/Trials -- both 10
	dotnet run -c Release --project tests/Benchmarks/CompressionTrials -- all 10
	dotnet run -c Release --project tests/Benchmarks/Synthesis
	dotnet run -c Release --project tests/Benchmarks/Dispatch

clean:
	rm -rf artifacts out
