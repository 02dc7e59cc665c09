#!/usr/bin/env bash
# The native kernel's own tests under the address and undefined-behaviour sanitizers.
#
#     bash tests/nightly/sanitize.sh [SECONDS] [TESTS...]
#
# Builds the kernel once more, in a folder of its own and for the baseline alone, and runs
# tests/kernels with it for at most so many seconds (1800). PYTHON and CXX say which Python and
# which compiler; SANITIZED names a folder to keep and build in again. Leaks are not looked for: the
# interpreter has its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-1800}
shift $(($# < 1 ? $# : 1))
[ $# -gt 0 ] || set -- tests/kernels
python=$(command -v "${PYTHON:-python3}") compiler=${CXX:-g++}
work=${SANITIZED:-$(mktemp -d)}
mkdir -p "$work"

cmake -S native -B "$work/build" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_COMPILER="$compiler" \
    -DPython_EXECUTABLE="$python" -DEMIX_SANITIZE=ON ${LAUNCHER:+-DCMAKE_CXX_COMPILER_LAUNCHER=$LAUNCHER} \
    >/dev/null
cmake --build "$work/build" -j "$(nproc)" >/dev/null

rm -rf "$work/src"
cp -r src "$work/src"
rm -f "$work"/src/emix/kernels/_native*.so
cp "$work"/build/_native*.so "$work/src/emix/kernels/"

LD_PRELOAD="$("$compiler" -print-file-name=libasan.so) $("$compiler" -print-file-name=libubsan.so)" \
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1 \
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
PYTHONMALLOC=malloc PYTHONPATH="$work/src" \
    timeout "$seconds" "$python" -m pytest -q -p no:cacheprovider "$@"
