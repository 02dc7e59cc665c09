// The part of the Python module that climbs many small data sets at once, each
// from one start: the replicates of a bootstrap.
#include "table_bindings.hpp"
#include "threads.hpp"

namespace emix::python {
namespace {

using Matrices = nb::ndarray<const double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Rates = std::optional<Matrix>;

// Points and row weights of replicate b; either may be the same for all.
struct Replicates {
    const double *points, *weight;
    int64_t count, n, d, point_stride, weight_stride;

    const double* points_of(int64_t b) const { return points + b * point_stride; }
    const double* weight_of(int64_t b) const {
        return weight ? weight + b * weight_stride : nullptr;
    }
};

Replicates replicates(const Matrices& points, const Rates& weight) {
    const int64_t sets = static_cast<int64_t>(points.shape(0));
    const int64_t n = static_cast<int64_t>(points.shape(1));
    const int64_t d = static_cast<int64_t>(points.shape(2));
    const int64_t rates = weight ? static_cast<int64_t>(weight->shape(0)) : 1;
    require(sets >= 1 && n >= 1 && d >= 1 && rates >= 1, "there must be a replicate, and a row");
    require(sets == 1 || rates == 1 || sets == rates,
            "points and weights must be as many, or one of them the same for all");
    if (weight) require_shape(*weight, "sample_weight", rates, n);
    return {points.data(),
            weight ? weight->data() : nullptr,
            sets > rates ? sets : rates,
            n,
            d,
            sets > 1 ? n * d : 0,
            rates > 1 ? n : 0};
}

// Where each climb ended, as arrays that NumPy owns.
struct Ends {
    Result<double> objective, loglik, gradient;
    Result<int64_t> iterations, outcome;
    explicit Ends(size_t s)
        : objective({s}), loglik({s}), gradient({s}), iterations({s}), outcome({s}) {}
    nb::tuple as_tuple(const nb::object& weights, const nb::object& means,
                       const nb::object& spreads) const {
        return nb::make_tuple(weights, means, spreads, objective.array, loglik.array,
                              gradient.array, iterations.array, outcome.array);
    }
};

Result<double> repeated(const double* start, int64_t count, std::initializer_list<size_t> shape) {
    Result<double> all(shape);
    size_t size = 1;
    for (size_t side : shape) size *= side;
    const size_t each = size / static_cast<size_t>(count);
    for (size_t i = 0; i < size; ++i) all.data[i] = start[i % each];
    return all;
}

template <class Work>
void each(int64_t count, int threads, const Work& work) {
    emix::run_tasks(
        count, threads,
        [](void* context, int64_t task, int) { (*static_cast<const Work*>(context))(task); },
        const_cast<Work*>(&work));
}

nb::tuple climb_each(const Matrices& points, const Rates& sample_weight, const Vector& weights,
                     const Vector& means, const Vector& sds, bool tied, const Vector& held_weights,
                     const Vector& held_means, const Vector& held_sds, double prior_mean,
                     double prior_sd, const Vector& concentration, double floor, int64_t max_iter,
                     double tol, int threads) {
    const Replicates data = replicates(points, sample_weight);
    require(data.d == 1, "several columns are climbed by climb_each_table");
    const int64_t s = data.count, k = static_cast<int64_t>(means.shape(0));
    require(k >= 1, "a mixture needs at least one component");
    require_threads(threads);
    require_shape(weights, "weights", k);
    require_shape(sds, "sds", k);
    const emix::ColumnTerms given = terms(tied, held_weights, held_means, held_sds, prior_mean,
                                          prior_sd, concentration, floor, k);
    const size_t sets = static_cast<size_t>(s), components = static_cast<size_t>(k);
    const Result<double> w = repeated(weights.data(), s, {sets, components}),
                         m = repeated(means.data(), s, {sets, components}),
                         sd = repeated(sds.data(), s, {sets, components});
    const Ends ends(sets);
    const emix::Kernel& kernel = *level().kernel;
    const emix::ClimbRequest request{1, k, given, max_iter, tol};
    {
        nb::gil_scoped_release released;
        each(s, threads, [&](int64_t b) {
            emix::Column c{};
            c.doubles = data.points_of(b);
            c.sample_weight = data.weight_of(b);
            c.n = data.n;
            c.scale = 1.0;
            emix::ClimbResult out{w.data + b * k,           m.data + b * k,
                                  sd.data + b * k,          ends.objective.data + b,
                                  ends.loglik.data + b,     ends.gradient.data + b,
                                  ends.iterations.data + b, ends.outcome.data + b};
            kernel.climb(c, request, 1, out, nullptr);
        });
    }
    return ends.as_tuple(w.array, m.array, sd.array);
}

nb::tuple climb_each_table(const Matrices& points, const Rates& sample_weight, int64_t structure,
                           const Vector& weights, const Matrix& means, const Matrices& factors,
                           const Vector& held_weights, const Vector& concentration,
                           const Vector& pseudo_mean, double pseudo_count, double extra_weight,
                           const Matrix& extra_scatter, double floor, int64_t max_iter, double tol,
                           int threads) {
    const Replicates data = replicates(points, sample_weight);
    const int64_t s = data.count, d = data.d, k = static_cast<int64_t>(means.shape(0));
    require(k >= 1, "a mixture needs at least one component");
    require(0 <= structure && structure < 14, "there is no such structure");
    require_threads(threads);
    require_shape(weights, "weights", k);
    require_shape(means, "means", k, d);
    require_shape(factors, "factors", k, d);
    require(static_cast<int64_t>(factors.shape(1)) == d, "factors are (k, d, d)");
    require_shape(held_weights, "held_weights", k);
    require_shape(concentration, "concentration", k);
    require_shape(pseudo_mean, "pseudo_mean", d);
    require_shape(extra_scatter, "extra_scatter", d, d);
    const size_t sets = static_cast<size_t>(s), components = static_cast<size_t>(k),
                 columns = static_cast<size_t>(d);
    const Result<double> w = repeated(weights.data(), s, {sets, components}),
                         m = repeated(means.data(), s, {sets, components, columns}),
                         f = repeated(factors.data(), s, {sets, components, columns, columns});
    const Ends ends(sets);
    const emix::TableTerms terms{structure,          held_weights.data(),  concentration.data(),
                                 pseudo_count,       pseudo_mean.data(),   extra_weight,
                                 extra_scatter.data(), floor};
    const emix::TableClimbRequest request{1, k, terms, max_iter, tol, nullptr, nullptr, nullptr};
    const emix::Kernel& kernel = *level().kernel;
    {
        nb::gil_scoped_release released;
        each(s, threads, [&](int64_t b) {
            emix::Table t{};
            t.n = data.n;
            t.d = d;
            t.doubles = data.points_of(b);
            t.sample_weight = data.weight_of(b);
            emix::TableClimbResult out{w.data + b * k,           m.data + b * k * d,
                                       f.data + b * k * d * d,   ends.objective.data + b,
                                       ends.loglik.data + b,     ends.gradient.data + b,
                                       ends.iterations.data + b, ends.outcome.data + b};
            kernel.climb_table(t, request, 1, out, nullptr);
        });
    }
    return ends.as_tuple(w.array, m.array, f.array);
}

}  // namespace

void add_replicates(nb::module_& module) {
    module.def("climb_each", climb_each, "points"_a, "sample_weight"_a.none(), "weights"_a,
               "means"_a, "sds"_a, "tied"_a, "held_weights"_a, "held_means"_a, "held_sds"_a,
               "prior_mean"_a, "prior_sd"_a, "concentration"_a, "floor"_a, "max_iter"_a, "tol"_a,
               "threads"_a);
    module.def("climb_each_table", climb_each_table, "points"_a, "sample_weight"_a.none(),
               "structure"_a, "weights"_a, "means"_a, "factors"_a, "held_weights"_a,
               "concentration"_a, "pseudo_mean"_a, "pseudo_count"_a, "extra_weight"_a,
               "extra_scatter"_a, "floor"_a, "max_iter"_a, "tol"_a, "threads"_a);
}

}  // namespace emix::python
