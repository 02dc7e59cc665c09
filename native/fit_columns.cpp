// Compiled once per instruction set, as kernel.cpp is.
#include "fit_column.hpp"

namespace emix::EMIX_LEVEL {

void fit_columns(const FitsRequest& request, int threads, const FitsListener& listener) {
    ColumnFits(request, listener)(threads);
}

}  // namespace emix::EMIX_LEVEL
