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

using Matrices = nb::ndarray<const double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Stack = nb::ndarray<const double, nb::ndim<4>, nb::c_contig, nb::device::cpu>;


inline int64_t structure_of(const std::string& name) {
    // In the order of TableStructure.
    static const char* const names[] = {"EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE",
                                        "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"};
    for (int64_t i = 0; i < 14; ++i)
        if (name == names[i]) return i;
    throw nb::value_error("there is no such structure");
}

// Mixtures, as starts or as homes.
struct Mixtures {
    Matrix weights;
    Matrices means;
    Stack factors;

    void check(int64_t s, int64_t k, int64_t d) const {
        require_shape(weights, "weights", s, k);
        require_shape(means, "means", s, d);
        require_shape(factors, "factors", s, d);
        const auto side = [](auto& array, size_t axis) {
            return static_cast<int64_t>(array.shape(axis));
        };
        require(side(means, 1) == k && side(factors, 1) == k && side(factors, 2) == d,
                "weights (s, k), means (s, k, d) and factors (s, k, d, d) do not belong together");
    }
};

// Rows, and s mixtures of k components in their d columns.
struct Placed {
    emix::Table rows;
    int64_t s, k, d;

    Placed(const Rows& points, const Weights& sample_weight, const Mixtures& mixtures, int threads)
        : rows(table(points, sample_weight, std::nullopt, std::nullopt)),
          s(static_cast<int64_t>(mixtures.weights.shape(0))),
          k(static_cast<int64_t>(mixtures.weights.shape(1))),
          d(rows.d) {
        require(k >= 1, "a mixture needs at least one component");
        require_threads(threads);
        mixtures.check(s, k, d);
    }
};

// An array that may be left out, in which all is 0 then.
struct Given {
    std::vector<double> values;
    Given(const Weights& array, const char* name, int64_t count)
        : values(static_cast<size_t>(count), 0.0) {
        if (!array) return;
        require_shape(*array, name, count);
        values.assign(array->data(), array->data() + count);
    }
    Given(const std::optional<Matrix>& array, const char* name, int64_t side)
        : values(static_cast<size_t>(side * side), 0.0) {
        if (!array) return;
        require_shape(*array, name, side, side);
        values.assign(array->data(), array->data() + side * side);
    }
};

// What is learned, held and believed beforehand, of arrays that outlive it.
inline emix::TableTerms table_terms(const std::string& structure, const Vector& held_weights,
                                    const Vector& concentration, const Given& pseudo_mean,
                                    double pseudo_count, const Given& extra_scatter,
                                    double extra_weight, double floor, int64_t k) {
    require_shape(held_weights, "held_weights", k);
    require_shape(concentration, "concentration", k);
    return {structure_of(structure), held_weights.data(),         concentration.data(),
            pseudo_count,            pseudo_mean.values.data(),   extra_weight,
            extra_scatter.values.data(), floor};
}

}  // namespace emix::python
