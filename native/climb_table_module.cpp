// The part of the Python module that climbs tables of several columns.
#include <cmath>

#include "table_bindings.hpp"

namespace emix::python {
namespace {

using Homes = std::optional<nb::tuple>;

// Objectives of several climbs, one after another.
struct TableTraces {
    std::vector<double> values;
    std::vector<int64_t> lengths;

    static void climbed(void* context, const double* trace, int64_t length) {
        TableTraces& traces = *static_cast<TableTraces*>(context);
        traces.values.insert(traces.values.end(), trace, trace + length);
        traces.lengths.push_back(length);
    }
};

nb::tuple climb_table(const Rows& points, const Weights& sample_weight,
                      const std::string& structure, const Matrix& weights, const Matrices& means,
                      const Stack& factors, const Vector& held_weights,
                      const Vector& concentration, const Weights& pseudo_mean, double pseudo_count,
                      double extra_weight, const std::optional<Matrix>& extra_scatter, double floor,
                      int64_t max_iter, double tol, int threads, const Homes& homes,
                      bool with_trace, const Weights& heights) {
    const auto [rows, s, k, d] =
        Placed(points, sample_weight, {weights, means, factors}, threads);
    const Given centre(pseudo_mean, "pseudo_mean", d), extra(extra_scatter, "extra_scatter", d);
    const emix::InterruptListener interrupts{nullptr, interrupted};
    emix::TableClimbRequest request{
        s, k,
        table_terms(structure, held_weights, concentration, centre, pseudo_count, extra,
                    extra_weight, floor, k),
        max_iter, tol, nullptr, nullptr, nullptr, nullptr, &interrupts};
    if (heights) {
        require_shape(*heights, "heights", s);
        request.heights = heights->data();
    }
    std::optional<Mixtures> home;
    if (homes) {
        require(homes->size() == 3, "homes are weights, means and factors");
        home = Mixtures{nb::cast<Matrix>((*homes)[0]), nb::cast<Matrices>((*homes)[1]),
                        nb::cast<Stack>((*homes)[2])};
        home->check(s, k, d);
        request.home_weights = home->weights.data();
        request.home_means = home->means.data();
        request.home_factors = home->factors.data();
    }
    const size_t starts = static_cast<size_t>(s), components = static_cast<size_t>(k),
                 columns = static_cast<size_t>(d);
    const Result<double> w = copy_of(weights.data(), {starts, components}),
                         m = copy_of(means.data(), {starts, components, columns}),
                         f = copy_of(factors.data(), {starts, components, columns, columns});
    Result<double> objective({starts}), loglik({starts}), gradient({starts});
    Result<int64_t> iterations({starts}), outcome({starts});
    emix::TableClimbResult out{w.data,        m.data,          f.data,         objective.data,
                               loglik.data,   gradient.data,   iterations.data, outcome.data};
    TableTraces traces;
    const emix::TraceListener listener{&traces, TableTraces::climbed};
    const emix::Kernel& kernel = *level().kernel;
    {
        nb::gil_scoped_release released;
        kernel.climb_table(rows, request, threads, out, with_trace ? &listener : nullptr);
    }
    if (PyErr_Occurred()) throw nb::python_error();
    const nb::tuple ends =
        nb::make_tuple(w.array, m.array, f.array, objective.array, loglik.array, gradient.array,
                       iterations.array, outcome.array);
    if (!with_trace) return ends;
    const nb::tuple steps =
        nb::make_tuple(copy_of(traces.lengths.data(), {starts}).array,
                       copy_of(traces.values.data(), {traces.values.size()}).array);
    return nb::borrow<nb::tuple>(ends + steps);
}

nb::object maximise_table(const std::string& structure, const Matrices& scatter,
                          const Vector& weight, const Matrices& old, double floor) {
    const int64_t k = static_cast<int64_t>(scatter.shape(0));
    const int64_t d = static_cast<int64_t>(scatter.shape(1));
    require(k >= 1 && d >= 1, "there must be a component, and a column");
    require_shape(scatter, "scatter", k, d);
    require_shape(old, "factors", k, d);
    require(static_cast<int64_t>(old.shape(1)) == d, "scatter and factors must be alike");
    require_shape(weight, "weight", k);
    const size_t components = static_cast<size_t>(k), columns = static_cast<size_t>(d);
    Result<double> factors({components, columns, columns});
    const emix::Kernel& kernel = *level().kernel;
    const emix::TableSpreadStep step{structure_of(structure), k, d, scatter.data(), weight.data(),
                                     old.data(), floor, factors.data};
    {
        nb::gil_scoped_release released;
        kernel.maximise_table(step);
    }
    return factors.array;
}

nb::object left_out_gains_table(const Rows& points, const Weights& sample_weight,
                                const std::string& structure, const Matrix& weights,
                                const Matrices& means, const Stack& factors,
                                const Vector& held_weights, double floor, int threads,
                                const std::optional<Matrix>& counts, double total) {
    const auto [rows, s, k, d] =
        Placed(points, sample_weight, {weights, means, factors}, threads);
    require_shape(held_weights, "held_weights", k);
    if (counts) require_shape(*counts, "counts", s, k);
    const std::vector<double> one(static_cast<size_t>(k), 1.0), none(static_cast<size_t>(d * d));
    const emix::LeftOutRequest request{
        s,
        k,
        {structure_of(structure), held_weights.data(), one.data(), 0.0, none.data(), 0.0,
         none.data(), floor},
        weights.data(),
        means.data(),
        factors.data(),
        counts ? counts->data() : nullptr,
        total};
    Result<double> gains({static_cast<size_t>(s), static_cast<size_t>(k)});
    const emix::Kernel& kernel = *level().kernel;
    {
        nb::gil_scoped_release released;
        kernel.left_out_gains_table(rows, request, threads, gains.data);
    }
    return gains.array;
}

}  // namespace

void add_table_climbs(nb::module_& module) {
    module.def("climb_table", climb_table, "points"_a, "sample_weight"_a.none(), "structure"_a,
               "weights"_a, "means"_a, "factors"_a, "held_weights"_a, "concentration"_a,
               "pseudo_mean"_a.none(), "pseudo_count"_a, "extra_weight"_a,
               "extra_scatter"_a.none(), "floor"_a, "max_iter"_a, "tol"_a, "threads"_a,
               "homes"_a.none() = nb::none(), "with_trace"_a = false,
               "heights"_a.none() = nb::none());
    module.def("maximise_table", maximise_table, "structure"_a, "scatter"_a, "weight"_a,
               "factors"_a, "floor"_a);
    module.def("left_out_gains_table", left_out_gains_table, "points"_a, "sample_weight"_a.none(),
               "structure"_a, "weights"_a, "means"_a, "factors"_a, "held_weights"_a, "floor"_a,
               "threads"_a, "counts"_a.none() = nb::none(), "total"_a = 0.0);
}

}  // namespace emix::python
