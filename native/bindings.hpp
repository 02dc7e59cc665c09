// What the functions of the Python module share: checks of shapes, and arrays
// that NumPy owns.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "dispatch.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace emix::python {

using std::int64_t;
using Values = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Weights = std::optional<Vector>;

// Chosen at the first call, not at import: a wrong EMIX_INSTRUCTION_SET that made
// the import fail would be taken for a kernel that was never built, and be passed
// over in silence. As it is, every call raises ValueError.
inline const emix::Level& level() {
    static const emix::Level chosen = emix::chosen_level();
    return chosen;
}

inline void require(bool holds, const char* message) {
    if (!holds) throw nb::value_error(message);
}

template <class Array>
void require_shape(const Array& array, const char* name, int64_t rows, int64_t columns = -1) {
    const auto side = [&](size_t axis) { return static_cast<int64_t>(array.shape(axis)); };
    const bool fits = side(0) == rows && (columns < 0 || side(array.ndim() - 1) == columns);
    if (fits) return;
    const std::string wanted =
        "(" + std::to_string(rows) + "," + (columns < 0 ? "" : " " + std::to_string(columns)) + ")";
    throw nb::value_error((name + (" has the wrong shape: expected " + wanted)).c_str());
}

inline emix::Column column(const Values& x, const Weights& sample_weight, double shift,
                           double scale) {
    emix::Column c{};
    c.n = static_cast<int64_t>(x.shape(0));
    c.shift = shift;
    c.scale = scale;
    if (x.dtype() == nb::dtype<double>())
        c.doubles = static_cast<const double*>(x.data());
    else if (x.dtype() == nb::dtype<float>())
        c.floats = static_cast<const float*>(x.data());
    else
        throw nb::type_error("x must be an array of float64 or float32");
    if (sample_weight) {
        require_shape(*sample_weight, "sample_weight", c.n);
        c.sample_weight = sample_weight->data();
    }
    return c;
}

inline emix::ColumnMixture mixture(const Vector& log_weights, const Vector& means,
                                   const Vector& sds) {
    const int64_t k = static_cast<int64_t>(means.shape(0));
    require(k >= 1, "a mixture needs at least one component");
    require_shape(log_weights, "log_weights", k);
    require_shape(sds, "sds", k);
    return {k, log_weights.data(), means.data(), sds.data()};
}

inline void require_threads(int threads) { require(threads >= 1, "threads must be at least 1"); }

// A fresh array that NumPy owns.
template <class Value>
struct Result {
    Value* data;
    nb::object array;
    Result(std::initializer_list<size_t> shape) {
        size_t size = 1;
        for (size_t side : shape) size *= side;
        data = new Value[size];
        nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<Value*>(p); });
        array = nb::cast(nb::ndarray<nb::numpy, Value>(data, shape, owner));
    }
};

// What the kernel has made, as an array that NumPy owns.
template <class Value>
Result<Value> copy_of(const Value* from, std::initializer_list<size_t> shape) {
    Result<Value> made(shape);
    size_t size = 1;
    for (size_t side : shape) size *= side;
    std::copy(from, from + size, made.data);
    return made;
}
template <class Value>
nb::object copied(const Value* from, std::initializer_list<size_t> shape) {
    return copy_of(from, shape).array;
}
template <class Value>
nb::object copied(const std::vector<Value>& from, std::initializer_list<size_t> shape) {
    return copied(from.data(), shape);
}

// Whether Ctrl-C has been pressed, or another signal's handler has raised; the
// error is then set, to be raised once the kernel has come back.
inline bool interrupted(void*) {
    nb::gil_scoped_acquire held;
    return PyErr_CheckSignals() != 0;
}

// What is learned, held and believed beforehand, as Python hands it over.
inline emix::ColumnTerms terms(bool tied, const Vector& held_weights, const Vector& held_means,
                               const Vector& held_sds, double prior_mean, double prior_sd,
                               const Vector& concentration, double floor, int64_t k) {
    require_shape(held_weights, "held_weights", k);
    require_shape(held_means, "held_means", k);
    require_shape(held_sds, "held_sds", k);
    require_shape(concentration, "concentration", k);
    return {tied,     held_weights.data(),  held_means.data(), held_sds.data(), prior_mean,
            prior_sd, concentration.data(), floor};
}

// The functions of search_module.cpp.
void add_search(nb::module_& module);
// The functions of fits_module.cpp.
void add_fits(nb::module_& module);
// The functions of table_module.cpp.
void add_tables(nb::module_& module);
// The functions of climb_table_module.cpp.
void add_table_climbs(nb::module_& module);
// The functions of search_table_module.cpp.
void add_table_searches(nb::module_& module);
// The functions of replicates_module.cpp.
void add_replicates(nb::module_& module);
// The function of bins_module.cpp.
void add_bins(nb::module_& module);
// The functions of vicinity_module.cpp.
void add_vicinities(nb::module_& module);
// The functions of divide_table_module.cpp.
void add_divisions(nb::module_& module);

}  // namespace emix::python
