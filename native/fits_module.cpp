// The part of the Python module that fits whole columns, one or many.
#include "bindings.hpp"

#include <algorithm>
#include <limits>

namespace emix::python {
namespace {

using Begins = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// What is learned and how it is searched for, checked once for all fits that share it. Pointers
// go to the arrays it keeps and to the kinds of start, so it stays where it was made.
class FitSettings {
  public:
    FitSettings(bool tied, const Vector& held_weights, const Vector& held_means,
                const Vector& held_sds, double prior_mean, double prior_sd,
                const Vector& concentration, double floor, std::vector<int64_t> start_kinds,
                int64_t chains, int64_t swaps, int64_t settled, int64_t short_run, int64_t kept,
                int64_t max_iter, double short_tol, double tol, int64_t most_rows, double work,
                int64_t best_iter, int64_t other_iter)
        : kept_{held_weights, held_means, held_sds, concentration},
          start_kinds_(std::move(start_kinds)) {
        const int64_t k = static_cast<int64_t>(held_weights.shape(0));
        require(k >= 1, "a mixture needs at least one component");
        const emix::ColumnTerms learned = terms(tied, held_weights, held_means, held_sds,
                                                prior_mean, prior_sd, concentration, floor, k);
        for (int64_t kind : start_kinds_) require(kind >= 0 && kind <= 4, "there is no such start");
        require(!start_kinds_.empty(), "there must be a start");
        const emix::SearchRequest search{{},
                                         k,
                                         {},
                                         static_cast<int64_t>(start_kinds_.size()),
                                         start_kinds_.data(),
                                         chains,
                                         swaps,
                                         settled,
                                         short_run,
                                         kept,
                                         short_tol,
                                         0,
                                         tol,
                                         max_iter};
        request_ = {{}, nullptr, 0, search, learned, most_rows, work, best_iter, other_iter};
    }
    FitSettings(const FitSettings&) = delete;
    FitSettings& operator=(const FitSettings&) = delete;

    int64_t k() const { return request_.search.k; }
    // Of groups of rows, of which group g begins at begins[g].
    emix::FitsRequest asked(const emix::Column& rows, const int64_t* begins, int64_t groups,
                            std::uint64_t seed) const {
        emix::FitsRequest request = request_;
        request.rows = rows;
        request.begins = begins;
        request.groups = groups;
        request.search.seed = seed;
        return request;
    }

  private:
    Vector kept_[4];
    std::vector<int64_t> start_kinds_;
    emix::FitsRequest request_;
};

// All optima of one fit, kept until Python may be spoken to again.
struct OneFit {
    struct Ends {
        double objective, loglik, gradient, worth;
        int64_t iterations, outcome, starts, trace_length;
    };
    int64_t k;
    std::vector<Ends> ends;
    std::vector<double> numbers;
    std::vector<int64_t> orders;
    emix::FittedGroup group{};

    static void optimum(void* context, int64_t, int64_t, const emix::FittedOptimum& o) {
        OneFit& fit = *static_cast<OneFit*>(context);
        for (const double* values : {o.weights, o.means, o.sds})
            fit.numbers.insert(fit.numbers.end(), values, values + fit.k);
        fit.add_trace(o);
        fit.orders.insert(fit.orders.end(), o.order, o.order + fit.k);
        fit.ends.push_back({o.objective, o.loglik, o.gradient, o.worth, o.iterations, o.outcome,
                            o.starts, o.trace_length});
    }
    static void ended(void* context, int64_t, const emix::FittedGroup& end) {
        static_cast<OneFit*>(context)->group = end;
    }

    // In the units of the data, from which objectives differ by a constant.
    void add_trace(const emix::FittedOptimum& o) {
        const int64_t length = o.trace_length;
        const double last = length > 0 ? o.trace[length - 1] : 0.0;
        const bool is_finite = last - last == 0.0;
        const double apart = is_finite ? o.objective - last : 0.0;
        for (int64_t t = 0; t < length; ++t) numbers.push_back(o.trace[t] + apart);
        if (length > 0 && is_finite) numbers.back() = o.objective;
    }

    // Of each optimum an array of its numbers, one after another: to make an array
    // for each takes a part of the time that a small fit does.
    nb::list as_list() const {
        nb::list list;
        const double* at = numbers.data();
        const int64_t* order = orders.data();
        for (const Ends& e : ends) {
            const int64_t length = 3 * k + e.trace_length;
            nb::list places;
            for (int64_t j = 0; j < k; ++j) places.append(order[j]);
            list.append(nb::make_tuple(copied(at, {static_cast<size_t>(length)}), e.objective,
                                       e.loglik, e.gradient, e.worth, e.iterations, e.outcome,
                                       e.starts, places));
            at += length;
            order += k;
        }
        return list;
    }
};

nb::object fit_column(const Values& x, const Weights& sample_weight, const FitSettings& settings,
                      std::uint64_t seed, int threads) {
    const int64_t k = settings.k();
    require_threads(threads);
    const emix::Column rows = column(x, sample_weight, 0.0, 1.0);
    const int64_t begins[2] = {0, rows.n};
    const emix::FitsRequest request = settings.asked(rows, begins, 1, seed);
    OneFit fit{k, {}, {}, {}};
    const emix::FitsListener listener{&fit, OneFit::optimum, OneFit::ended,
                                      emix::python::interrupted};
    const emix::Kernel& kernel = *level().kernel;
    {
        nb::gil_scoped_release released;
        kernel.fit_columns(request, threads, listener);
    }
    // Interrupted, the best so far; of what was not found there is none.
    const bool was_cut = PyErr_Occurred();
    if (was_cut && (fit.ends.empty() || !PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)))
        throw nb::python_error();
    PyErr_Clear();
    if (!was_cut && fit.group.status != emix::fitted) return nb::none();
    return nb::make_tuple(fit.group.weight, fit.group.hard, fit.group.soft, fit.as_list(),
                          was_cut);
}

// The best optimum of each of many fits, each in its place.
struct ManyFits {
    int64_t k;
    double *weights, *means, *sds, *numbers;
    int64_t* counts;

    static constexpr int64_t numbers_each = 7, counts_each = 4;

    static void optimum(void* context, int64_t g, int64_t rank, const emix::FittedOptimum& o) {
        if (rank > 0) return;
        const ManyFits& fits = *static_cast<const ManyFits*>(context);
        std::copy(o.weights, o.weights + fits.k, fits.weights + g * fits.k);
        std::copy(o.means, o.means + fits.k, fits.means + g * fits.k);
        std::copy(o.sds, o.sds + fits.k, fits.sds + g * fits.k);
        double* to = fits.numbers + g * numbers_each;
        to[0] = o.loglik;
        to[1] = o.objective;
        to[2] = o.gradient;
        to[3] = o.worth;
        int64_t* counted = fits.counts + g * counts_each;
        counted[1] = o.iterations;
        counted[2] = o.outcome;
    }
    static void ended(void* context, int64_t g, const emix::FittedGroup& end) {
        const ManyFits& fits = *static_cast<const ManyFits*>(context);
        double* to = fits.numbers + g * numbers_each;
        to[4] = end.weight;
        to[5] = end.hard;
        to[6] = end.soft;
        int64_t* counted = fits.counts + g * counts_each;
        counted[0] = end.status;
        counted[3] = end.optima;
    }
};

nb::tuple fit_columns(const Values& x, const Weights& sample_weight, const Begins& begins,
                      const FitSettings& settings, std::uint64_t seed, int threads) {
    const int64_t k = settings.k();
    require_threads(threads);
    const emix::Column rows = column(x, sample_weight, 0.0, 1.0);
    const int64_t groups = static_cast<int64_t>(begins.shape(0)) - 1;
    require(groups >= 1, "there must be a group");
    const int64_t* begin = begins.data();
    require(begin[0] >= 0 && begin[groups] <= rows.n, "a group ends beyond the rows");
    for (int64_t g = 0; g < groups; ++g)
        require(begin[g] <= begin[g + 1], "a group ends before it begins");
    const emix::FitsRequest request = settings.asked(rows, begin, groups, seed);
    const size_t count = static_cast<size_t>(groups), size = static_cast<size_t>(k);
    Result<double> weights({count, size}), means({count, size}), sds({count, size});
    Result<double> numbers({count, ManyFits::numbers_each});
    Result<int64_t> counts({count, ManyFits::counts_each});
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    for (Result<double>* each : {&weights, &means, &sds})
        std::fill(each->data, each->data + count * size, nothing);
    std::fill(numbers.data, numbers.data + count * ManyFits::numbers_each, nothing);
    std::fill(counts.data, counts.data + count * ManyFits::counts_each, 0);
    ManyFits fits{k, weights.data, means.data, sds.data, numbers.data, counts.data};
    const emix::FitsListener listener{&fits, ManyFits::optimum, ManyFits::ended,
                                      emix::python::interrupted};
    const emix::Kernel& kernel = *level().kernel;
    {
        nb::gil_scoped_release released;
        kernel.fit_columns(request, threads, listener);
    }
    // What is done is kept; the caller hears of Ctrl-C from what is not.
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) throw nb::python_error();
        PyErr_Clear();
    }
    return nb::make_tuple(weights.array, means.array, sds.array, numbers.array, counts.array);
}

}  // namespace

void add_fits(nb::module_& module) {
    nb::class_<FitSettings>(module, "FitSettings")
        .def(nb::init<bool, const Vector&, const Vector&, const Vector&, double, double,
                      const Vector&, double, std::vector<int64_t>, int64_t, int64_t, int64_t,
                      int64_t, int64_t, int64_t, double, double, int64_t, double, int64_t,
                      int64_t>(),
             "tied"_a, "held_weights"_a, "held_means"_a, "held_sds"_a, "prior_mean"_a,
             "prior_sd"_a, "concentration"_a, "floor"_a, "start_kinds"_a, "chains"_a, "swaps"_a,
             "settled"_a, "short_run"_a, "kept"_a, "max_iter"_a, "short_tol"_a, "tol"_a,
             "most_rows"_a, "work"_a, "best_iter"_a, "other_iter"_a);
    module.def("fit_column", fit_column, "x"_a, "sample_weight"_a.none(), "settings"_a, "seed"_a,
               "threads"_a);
    module.def("fit_columns", fit_columns, "x"_a, "sample_weight"_a.none(), "begins"_a,
               "settings"_a, "seed"_a, "threads"_a);
}

}  // namespace emix::python
