// The part of the Python module that divides the rows of a table.
#include "bindings.hpp"
#include "divide_table.hpp"

namespace emix::python {
namespace {

using Labels = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

nb::object divide_by_lloyd(const Matrix& points, const Vector& weight, const Matrix& centres,
                           int64_t rounds) {
    const int64_t n = static_cast<int64_t>(points.shape(0)),
                  d = static_cast<int64_t>(points.shape(1)),
                  k = static_cast<int64_t>(centres.shape(0));
    require_shape(weight, "weight", n);
    require_shape(centres, "centres", k, d);
    require(k >= 1, "rows go to one centre at least");
    std::vector<double> moving(centres.data(), centres.data() + k * d);
    Result<int64_t> labels({points.shape(0)});
    {
        nb::gil_scoped_release released;
        emix::divide_by_lloyd(
            {points.data(), weight.data(), n, d, k, rounds, moving.data(), labels.data});
    }
    return labels.array;
}

nb::tuple group_moments(const Matrix& points, const Vector& weight, const Labels& labels,
                        int64_t k) {
    const int64_t n = static_cast<int64_t>(points.shape(0)),
                  d = static_cast<int64_t>(points.shape(1));
    require_shape(weight, "weight", n);
    require_shape(labels, "labels", n);
    const int64_t* at = labels.data();
    require(std::all_of(at, at + n, [k](int64_t label) { return 0 <= label && label < k; }),
            "labels are numbers from 0 to k - 1");
    const size_t groups = static_cast<size_t>(k), columns = points.shape(1);
    Result<double> counts({groups}), means({groups, columns}), scatter({groups, columns, columns});
    {
        nb::gil_scoped_release released;
        emix::sum_groups({points.data(), weight.data(), at, n, d, k, counts.data, means.data,
                          scatter.data});
    }
    return nb::make_tuple(counts.array, means.array, scatter.array);
}

}  // namespace

void add_divisions(nb::module_& module) {
    module.def("divide_by_lloyd", divide_by_lloyd, "points"_a, "weight"_a, "centres"_a,
               "rounds"_a);
    module.def("group_moments", group_moments, "points"_a, "weight"_a, "labels"_a, "k"_a);
}

}  // namespace emix::python
