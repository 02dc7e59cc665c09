// The part of the Python module that climbs: from starts, or after a search.
#include "bindings.hpp"

#include <memory>

namespace emix::python {
namespace {

// Objectives of several climbs, one after another.
struct Traces {
    std::vector<double> values;
    std::vector<int64_t> lengths;

    static void climbed(void* context, const double* trace, int64_t length) {
        Traces& traces = *static_cast<Traces*>(context);
        traces.values.insert(traces.values.end(), trace, trace + length);
        traces.lengths.push_back(length);
    }
};

nb::tuple climb(const Values& x, const Weights& sample_weight, double shift, double scale,
                const Matrix& weights, const Matrix& means, const Matrix& sds, bool tied,
                const Vector& held_weights, const Vector& held_means, const Vector& held_sds,
                double prior_mean, double prior_sd, const Vector& concentration, double floor,
                int64_t max_iter, double tol, int threads, bool with_trace) {
    const emix::Column c = column(x, sample_weight, shift, scale);
    const int64_t s = static_cast<int64_t>(means.shape(0));
    const int64_t k = static_cast<int64_t>(means.shape(1));
    require(k >= 1, "a mixture needs at least one component");
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    require_shape(weights, "weights", s, k);
    require_shape(sds, "sds", s, k);
    const emix::ColumnTerms given = terms(tied, held_weights, held_means, held_sds, prior_mean,
                                          prior_sd, concentration, floor, k);
    const size_t starts = static_cast<size_t>(s), components = static_cast<size_t>(k);
    Result<double> w({starts, components}), m({starts, components}), sd({starts, components});
    Result<double> objective({starts}), loglik({starts}), gradient({starts});
    Result<int64_t> iterations({starts}), outcome({starts});
    for (size_t i = 0; i < starts * components; ++i) {
        w.data[i] = weights.data()[i];
        m.data[i] = means.data()[i];
        sd.data[i] = sds.data()[i];
    }
    const emix::InterruptListener interrupts{nullptr, interrupted};
    const emix::ClimbRequest request{s, k, given, max_iter, tol, &interrupts};
    emix::ClimbResult out{w.data,      m.data,        sd.data,         objective.data,
                          loglik.data, gradient.data, iterations.data, outcome.data};
    Traces traces;
    const emix::TraceListener listener{&traces, Traces::climbed};
    {
        nb::gil_scoped_release released;
        kernel.climb(c, request, threads, out, with_trace ? &listener : nullptr);
    }
    if (PyErr_Occurred()) throw nb::python_error();
    const nb::tuple ends =
        nb::make_tuple(w.array, m.array, sd.array, objective.array, loglik.array, gradient.array,
                       iterations.array, outcome.array);
    if (!with_trace) return ends;
    const nb::tuple steps = nb::make_tuple(copied(traces.lengths.data(), {starts}),
                                           copied(traces.values.data(), {traces.values.size()}));
    return nb::borrow<nb::tuple>(ends + steps);
}

nb::tuple sorted_column(const Values& x, const Weights& sample_weight, double shift,
                        double scale) {
    const emix::Column c = column(x, sample_weight, shift, scale);
    const emix::Kernel& kernel = *level().kernel;
    const size_t n = static_cast<size_t>(c.n);
    // Half of a short column would not be worth a second allocation and a copy.
    std::unique_ptr<double[]> points(new double[n]), weight(new double[n]);
    emix::SortedColumn sorted{points.get(), weight.get(), 0, 0.0};
    {
        nb::gil_scoped_release released;
        kernel.sort_column(c, sorted);
    }
    const size_t count = static_cast<size_t>(sorted.count);
    return nb::make_tuple(copied(sorted.points, {count}), copied(sorted.weight, {count}),
                          sorted.sd);
}

nb::object optimal_breaks(const Vector& points, int64_t k, const Weights& weight) {
    const int64_t n = static_cast<int64_t>(points.shape(0));
    require(n >= 1 && k >= 1, "there must be a point, and a run");
    if (weight) require_shape(*weight, "weight", n);
    const emix::Kernel& kernel = *level().kernel;
    Result<int64_t> breaks({static_cast<size_t>(k + 1)});
    {
        nb::gil_scoped_release released;
        kernel.optimal_breaks(points.data(), weight ? weight->data() : nullptr, n, k, breaks.data);
    }
    return breaks.array;
}

// Summits as they are found, kept until Python may be spoken to again: their
// parameters and traces are the numbers, one after another.
struct Found {
    std::vector<emix::Summit> summits;
    std::vector<double> numbers;
    int64_t k;

    static void found(void* context, const emix::Summit& summit) {
        Found& all = *static_cast<Found*>(context);
        for (const double* values : {summit.weights, summit.means, summit.sds})
            all.numbers.insert(all.numbers.end(), values, values + all.k);
        all.numbers.insert(all.numbers.end(), summit.trace, summit.trace + summit.trace_length);
        all.summits.push_back(summit);
    }
    nb::list as_list() const {
        nb::list list;
        const size_t size = static_cast<size_t>(k);
        const double* at = numbers.data();
        for (const emix::Summit& s : summits) {
            const size_t length = static_cast<size_t>(s.trace_length);
            list.append(nb::make_tuple(copied(at, {size}), copied(at + k, {size, 1}),
                                       copied(at + 2 * k, {size}), s.objective, s.loglik,
                                       s.gradient, s.iterations, s.outcome, s.worth, s.starts,
                                       copied(at + 3 * k, {length})));
            at += 3 * k + s.trace_length;
        }
        return list;
    }
};

// The summits, and whether Ctrl-C left more to find.
nb::tuple search(const Vector& points, const Vector& weight, double sd, int64_t k, bool tied,
                const Vector& held_weights, const Vector& held_means, const Vector& held_sds,
                double prior_mean, double prior_sd, const Vector& concentration, double floor,
                const std::vector<int64_t>& start_kinds, int64_t chains, int64_t swaps,
                int64_t settled, int64_t short_run, int64_t kept, double short_tol,
                std::uint64_t seed, double tol, int64_t max_iter, int threads) {
    const int64_t n = static_cast<int64_t>(points.shape(0));
    require(n >= 1 && k >= 1, "there must be a point, and a component");
    require_shape(weight, "weight", n);
    require_threads(threads);
    for (int64_t kind : start_kinds) require(kind >= 0 && kind <= 4, "there is no such start");
    const emix::Kernel& kernel = *level().kernel;
    const emix::SearchRequest request{
        {const_cast<double*>(points.data()), const_cast<double*>(weight.data()), n, sd},
        k,
        terms(tied, held_weights, held_means, held_sds, prior_mean, prior_sd, concentration, floor,
              k),
        static_cast<int64_t>(start_kinds.size()),
        start_kinds.data(),
        chains,
        swaps,
        settled,
        short_run,
        kept,
        short_tol,
        seed,
        tol,
        max_iter};
    Found found{{}, {}, k};
    const emix::SearchListener listener{&found, Found::found, emix::python::interrupted};
    {
        nb::gil_scoped_release released;
        kernel.search(request, threads, listener);
    }
    const bool was_cut = PyErr_Occurred();
    if (was_cut && (found.summits.empty() || !PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)))
        throw nb::python_error();
    PyErr_Clear();
    return nb::make_tuple(found.as_list(), was_cut);
}

}  // namespace

void add_search(nb::module_& module) {
    module.def("climb", climb, "x"_a, "sample_weight"_a.none(), "shift"_a, "scale"_a, "weights"_a,
               "means"_a, "sds"_a, "tied"_a, "held_weights"_a, "held_means"_a, "held_sds"_a,
               "prior_mean"_a, "prior_sd"_a, "concentration"_a, "floor"_a, "max_iter"_a, "tol"_a,
               "threads"_a, "with_trace"_a = false);
    module.def("sorted_column", sorted_column, "x"_a, "sample_weight"_a.none(), "shift"_a,
               "scale"_a);
    module.def("optimal_breaks", optimal_breaks, "points"_a, "k"_a, "weight"_a.none());
    module.def("search", search, "points"_a, "weight"_a, "sd"_a, "k"_a, "tied"_a,
               "held_weights"_a, "held_means"_a, "held_sds"_a, "prior_mean"_a, "prior_sd"_a,
               "concentration"_a, "floor"_a, "start_kinds"_a, "chains"_a, "swaps"_a,
               "settled"_a, "short_run"_a, "kept"_a, "short_tol"_a, "seed"_a, "tol"_a, "max_iter"_a,
               "threads"_a);
}

}  // namespace emix::python
