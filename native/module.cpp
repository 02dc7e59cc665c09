// The Python module emix.kernels._native: checks shapes, releases the GIL,
// calls the chosen level of the kernel.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "dispatch.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using std::int64_t;
using Values = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Weights = std::optional<Vector>;

// Chosen at the first call, not at import: a wrong EMIX_INSTRUCTION_SET that made
// the import fail would be taken for a kernel that was never built, and be passed
// over in silence. As it is, every call raises ValueError.
const emix::Level& level() {
    static const emix::Level chosen = emix::chosen_level();
    return chosen;
}

void require(bool holds, const std::string& message) {
    if (!holds) throw nb::value_error(message.c_str());
}

template <class Array>
void require_shape(const Array& array, const char* name, int64_t rows, int64_t columns = -1) {
    const auto side = [&](size_t axis) { return static_cast<int64_t>(array.shape(axis)); };
    const bool fits = side(0) == rows && (columns < 0 || side(array.ndim() - 1) == columns);
    const std::string wanted =
        "(" + std::to_string(rows) + "," + (columns < 0 ? "" : " " + std::to_string(columns)) + ")";
    require(fits, std::string(name) + " has the wrong shape: expected " + wanted);
}

emix::Column column(const Values& x, const Weights& sample_weight, double shift, double scale) {
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

emix::ColumnMixture mixture(const Vector& log_weights, const Vector& means, const Vector& sds) {
    const int64_t k = static_cast<int64_t>(means.shape(0));
    require(k >= 1, "a mixture needs at least one component");
    require_shape(log_weights, "log_weights", k);
    require_shape(sds, "sds", k);
    return {k, log_weights.data(), means.data(), sds.data()};
}

void require_threads(int threads) { require(threads >= 1, "threads must be at least 1"); }

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

nb::tuple expect(const Values& x, const Weights& sample_weight, double shift, double scale,
                 const Vector& log_weights, const Vector& means, const Vector& sds, int threads) {
    const emix::Column c = column(x, sample_weight, shift, scale);
    const emix::ColumnMixture m = mixture(log_weights, means, sds);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    const size_t k = static_cast<size_t>(m.k);
    Result<double> s0({k}), s1({k}), s2({k});
    emix::ColumnStatistics out{s0.data, s1.data, s2.data, 0.0, 0.0};
    {
        nb::gil_scoped_release released;
        kernel.expect(c, m, threads, out);
    }
    return nb::make_tuple(s0.array, s1.array, s2.array, out.loglik, out.weight);
}

nb::object log_density(const Values& x, double shift, double scale, const Vector& log_weights,
                       const Vector& means, const Vector& sds, int threads) {
    const emix::Column c = column(x, std::nullopt, shift, scale);
    const emix::ColumnMixture m = mixture(log_weights, means, sds);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    Result<double> out({static_cast<size_t>(c.n)});
    {
        nb::gil_scoped_release released;
        kernel.log_density(c, m, threads, out.data);
    }
    return out.array;
}

nb::object responsibilities(const Values& x, double shift, double scale, const Vector& log_weights,
                            const Vector& means, const Vector& sds, int threads) {
    const emix::Column c = column(x, std::nullopt, shift, scale);
    const emix::ColumnMixture m = mixture(log_weights, means, sds);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    Result<double> out({static_cast<size_t>(c.n), static_cast<size_t>(m.k)});
    {
        nb::gil_scoped_release released;
        kernel.responsibilities(c, m, threads, out.data);
    }
    return out.array;
}

nb::object labels(const Values& x, double shift, double scale, const Vector& log_weights,
                  const Vector& means, const Vector& sds, int threads) {
    const emix::Column c = column(x, std::nullopt, shift, scale);
    const emix::ColumnMixture m = mixture(log_weights, means, sds);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    Result<int64_t> out({static_cast<size_t>(c.n)});
    {
        nb::gil_scoped_release released;
        kernel.labels(c, m, threads, out.data);
    }
    return out.array;
}

nb::tuple moments(const Values& x, const Weights& sample_weight, int threads) {
    const emix::Column c = column(x, sample_weight, 0.0, 1.0);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    emix::Moments m{};
    {
        nb::gil_scoped_release released;
        kernel.moments(c, threads, m);
    }
    return nb::make_tuple(m.count, m.weight, m.mean, m.scatter, m.minimum, m.maximum, m.first_bad);
}

nb::tuple climb(const Values& x, const Weights& sample_weight, double shift, double scale,
                const Matrix& weights, const Matrix& means, const Matrix& sds, bool tied,
                const Vector& held_weights, const Vector& held_means, const Vector& held_sds,
                double prior_mean, double prior_sd, const Vector& concentration, double floor,
                int64_t max_iter, double tol, int threads) {
    const emix::Column c = column(x, sample_weight, shift, scale);
    const int64_t s = static_cast<int64_t>(means.shape(0));
    const int64_t k = static_cast<int64_t>(means.shape(1));
    require(k >= 1, "a mixture needs at least one component");
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    require_shape(weights, "weights", s, k);
    require_shape(sds, "sds", s, k);
    require_shape(held_weights, "held_weights", k);
    require_shape(held_means, "held_means", k);
    require_shape(held_sds, "held_sds", k);
    require_shape(concentration, "concentration", k);
    const size_t starts = static_cast<size_t>(s), components = static_cast<size_t>(k);
    Result<double> w({starts, components}), m({starts, components}), sd({starts, components});
    Result<double> objective({starts}), loglik({starts}), gradient({starts});
    Result<int64_t> iterations({starts}), outcome({starts});
    for (size_t i = 0; i < starts * components; ++i) {
        w.data[i] = weights.data()[i];
        m.data[i] = means.data()[i];
        sd.data[i] = sds.data()[i];
    }
    const emix::ColumnTerms terms{tied,
                                  held_weights.data(),
                                  held_means.data(),
                                  held_sds.data(),
                                  prior_mean,
                                  prior_sd,
                                  concentration.data(),
                                  floor};
    const emix::ClimbRequest request{s, k, terms, max_iter, tol};
    emix::ClimbResult out{w.data,         m.data,      sd.data,         objective.data,
                          loglik.data,    gradient.data, iterations.data, outcome.data};
    {
        nb::gil_scoped_release released;
        kernel.climb(c, request, threads, out);
    }
    return nb::make_tuple(w.array, m.array, sd.array, objective.array, loglik.array,
                          gradient.array, iterations.array, outcome.array);
}

}  // namespace

NB_MODULE(_native, module) {
    module.doc() = "The compiled kernel of emix; see the stub for the signatures.";
    if (emix::usable_levels().empty())
        throw std::runtime_error(
            "the native kernel of emix needs at least an x86-64-v2 processor (SSE4.2, POPCNT)");
    module.def("instruction_set", [] { return std::string(level().name); });
    module.def("instruction_sets", [] {
        std::vector<std::string> names;
        for (const emix::Level& usable : emix::usable_levels()) names.emplace_back(usable.name);
        return names;
    });
    module.def("expect", expect, "x"_a, "sample_weight"_a.none(), "shift"_a, "scale"_a,
               "log_weights"_a, "means"_a, "sds"_a, "threads"_a);
    module.def("log_density", log_density, "x"_a, "shift"_a, "scale"_a, "log_weights"_a, "means"_a,
               "sds"_a, "threads"_a);
    module.def("responsibilities", responsibilities, "x"_a, "shift"_a, "scale"_a, "log_weights"_a,
               "means"_a, "sds"_a, "threads"_a);
    module.def("labels", labels, "x"_a, "shift"_a, "scale"_a, "log_weights"_a, "means"_a, "sds"_a,
               "threads"_a);
    module.def("moments", moments, "x"_a, "sample_weight"_a.none(), "threads"_a);
    module.def("climb", climb, "x"_a, "sample_weight"_a.none(), "shift"_a, "scale"_a, "weights"_a,
               "means"_a, "sds"_a, "tied"_a, "held_weights"_a, "held_means"_a, "held_sds"_a,
               "prior_mean"_a, "prior_sd"_a, "concentration"_a, "floor"_a, "max_iter"_a, "tol"_a,
               "threads"_a);
}
