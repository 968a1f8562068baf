# Everything a fresh clone needs. `make demo` shows the product at work, `make test` checks it.
# The SDK works without ICU, which a bare system lacks.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT := 1

.PHONY: setup setup-run build demo demo-network test faults bench clean

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

# All faults mixed for MINUTES on a cluster of real processes (docs/reliability.md); SEED gives the same order again.
# Then eight links that are parted, about five minutes more.
MINUTES ?= 5
SEED ?=
faults: setup
	dotnet build tests/EndToEnd.Tests -c Release --nologo -v q
	FEWSHOT_FAULT_MINUTES=$(MINUTES) FEWSHOT_FAULT_SEED=$(SEED) dotnet test tests/EndToEnd.Tests -c Release --no-build --nologo --filter Category=Long --logger "console;verbosity=detailed"

bench:
	scripts/setup bench
	dotnet run -c Release --project tests/Benchmarks/OptimizerStep
	dotnet run -c Release --project tests/Benchmarks/GatewayTransfer
	dotnet run -c Release --project tests/Benchmarks/ArtifactTransfer
	dotnet run -c Release --project tests/Benchmarks/Trials -- both 10
	dotnet run -c Release --project tests/Benchmarks/CompressionTrials -- all 10
	dotnet run -c Release --project tests/Benchmarks/Synthesis
	dotnet run -c Release --project tests/Benchmarks/Dispatch

clean:
	rm -rf artifacts out
