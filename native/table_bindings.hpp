// Checks of the shapes of tables and of mixtures in several columns.
#pragma once

#include "bindings.hpp"

namespace emix::python {

using Rows = nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Parameters = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;

inline emix::Table table(const Rows& x, const Weights& sample_weight, const Weights& shift,
                         const Weights& scale) {
    emix::Table t{};
    t.n = static_cast<int64_t>(x.shape(0));
    t.d = static_cast<int64_t>(x.shape(1));
    require(t.d >= 1, "a table needs at least one column");
    if (x.dtype() == nb::dtype<double>())
        t.doubles = static_cast<const double*>(x.data());
    else if (x.dtype() == nb::dtype<float>())
        t.floats = static_cast<const float*>(x.data());
    else
        throw nb::type_error("x must be an array of float64 or float32");
    if (sample_weight) {
        require_shape(*sample_weight, "sample_weight", t.n);
        t.sample_weight = sample_weight->data();
    }
    require(shift.has_value() == scale.has_value(), "shift and scale come together");
    if (shift) {
        require_shape(*shift, "shift", t.d);
        require_shape(*scale, "scale", t.d);
        t.shift = shift->data();
        t.scale = scale->data();
    }
    return t;
}

inline emix::TableMixture table_mixture(int64_t form, const Vector& log_weights,
                                        const Matrix& means, const Parameters& spreads,
                                        int64_t d) {
    const int64_t k = static_cast<int64_t>(means.shape(0));
    require(k >= 1, "a mixture needs at least one component");
    require_shape(means, "means", k, d);
    require_shape(log_weights, "log_weights", k);
    require(0 <= form && form <= 3, "form must be 0, 1, 2 or 3");
    const int64_t shapes[4][4] = {{1, k, 0, 0}, {2, k, d, 0}, {2, d, d, 0}, {3, k, d, d}};
    bool fits = static_cast<int64_t>(spreads.ndim()) == shapes[form][0];
    for (int64_t i = 0; fits && i < shapes[form][0]; ++i)
        fits = static_cast<int64_t>(spreads.shape(static_cast<size_t>(i))) == shapes[form][i + 1];
    require(fits, "spreads has not the shape that its form asks for");
    return {k, static_cast<emix::SpreadForm>(form), log_weights.data(), means.data(),
            spreads.data()};
}

}  // namespace emix::python
