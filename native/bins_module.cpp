// The part of the Python module that counts a column into bins.
#include "bindings.hpp"

namespace emix::python {
namespace {

nb::tuple bins(const Values& x, const Weights& sample_weight, const Vector& edges,
               const Vector& scale, const Vector& base, int64_t count, int threads) {
    const emix::Column c = column(x, sample_weight, 0.0, 1.0);
    const int64_t segments = static_cast<int64_t>(scale.shape(0));
    require(segments >= 1, "there must be a segment");
    require(count >= 0 && count <= int64_t{1} << 24, "there are too many bins");
    require_shape(edges, "edges", segments - 1);
    require_shape(base, "base", segments);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    const emix::BinsRequest request{segments, edges.data(), scale.data(), base.data(), count};
    Result<double> sums({static_cast<size_t>(count), 4});
    int64_t outside = 0;
    {
        nb::gil_scoped_release released;
        outside = kernel.bins(c, request, threads, sums.data);
    }
    return nb::make_tuple(sums.array, outside);
}

}  // namespace

void add_bins(nb::module_& module) {
    module.def("bins", bins, "x"_a, "sample_weight"_a.none(), "edges"_a, "scale"_a, "base"_a,
               "count"_a, "threads"_a);
}

}  // namespace emix::python
