// Compiled once per instruction set, as kernel.cpp is.
#include "bins_column.hpp"

namespace emix::EMIX_LEVEL {

int64_t bins(const Column& column, const BinsRequest& request, int threads, double* sums) {
    return count_bins(column, request, threads, sums);
}

}  // namespace emix::EMIX_LEVEL
