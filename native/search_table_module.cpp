// The part of the Python module that searches tables of several columns.
#include "search_table.hpp"
#include "table_bindings.hpp"

namespace emix::python {
namespace {

// What the data says of a component's place; none where nothing is judged.
using Ground = std::optional<nb::tuple>;

struct GivenGround {
    emix::TableGround terms{};
    std::optional<Matrix> factor;
    std::optional<Vector> variances, rounding;

    GivenGround(const Ground& given, int64_t d) {
        if (!given) return;
        const nb::tuple& ground = *given;
        require(ground.size() == 6, "the ground is a factor, variances, rounding, a total, the "
                                    "number of own parameters and the least worth");
        factor = nb::cast<Matrix>(ground[0]);
        variances = nb::cast<Vector>(ground[1]);
        rounding = nb::cast<Vector>(ground[2]);
        require_shape(*factor, "factor", d, d);
        require_shape(*variances, "variances", d);
        require_shape(*rounding, "rounding", d);
        terms = {true, factor->data(), variances->data(), rounding->data(),
                 nb::cast<double>(ground[3]), nb::cast<int64_t>(ground[4]),
                 nb::cast<double>(ground[5])};
    }
};

nb::object least_worths_table(const Rows& points, const Weights& sample_weight,
                              const std::string& structure, const Matrix& weights,
                              const Matrices& means, const Stack& factors,
                              const Vector& held_weights, double floor, const nb::tuple& ground,
                              int threads) {
    const auto [rows, s, k, d] =
        Placed(points, sample_weight, {weights, means, factors}, threads);
    const std::vector<double> one(static_cast<size_t>(k), 1.0);
    const Given nothing(Weights{}, "nothing", d), none(std::optional<Matrix>{}, "nothing", d);
    require_shape(held_weights, "held_weights", k);
    const emix::TableTerms terms{structure_of(structure), held_weights.data(), one.data(), 0.0,
                                 nothing.values.data(), 0.0, none.values.data(), floor};
    const emix::LeftOutRequest request{s, k, terms, weights.data(), means.data(), factors.data(),
                                       nullptr, 0.0};
    const GivenGround given(ground, d);
    Result<double> least({static_cast<size_t>(s)});
    const emix::Kernel& kernel = *level().kernel;
    {
        nb::gil_scoped_release released;
        emix::least_worths_table(kernel, rows, request, given.terms, threads, least.data);
    }
    return least.array;
}

nb::tuple begin_table(const Rows& points, const Weights& sample_weight,
                      const std::string& structure, const Matrix& weights, const Matrices& means,
                      const Stack& factors, const Vector& held_weights,
                      const Vector& concentration, const Weights& pseudo_mean, double pseudo_count,
                      double extra_weight, const std::optional<Matrix>& extra_scatter, double floor,
                      int64_t few, int64_t short_run, int64_t max_iter, double tol,
                      const Ground& ground, double slack, double least_objective, int64_t most,
                      int threads) {
    const auto [rows, s, k, d] =
        Placed(points, sample_weight, {weights, means, factors}, threads);
    const Given centre(pseudo_mean, "pseudo_mean", d), extra(extra_scatter, "extra_scatter", d);
    const GivenGround given(ground, d);
    const emix::TableBegin request{
        {s, k,
         table_terms(structure, held_weights, concentration, centre, pseudo_count, extra,
                     extra_weight, floor, k),
         few, tol, nullptr, nullptr, nullptr, nullptr},
        given.terms, short_run, max_iter, slack, least_objective, most};
    const size_t components = static_cast<size_t>(k), columns = static_cast<size_t>(d);
    Result<double> w({1, components}), m({1, components, columns}),
        f({1, components, columns, columns}), objective({1}), loglik({1}), gradient({1});
    Result<int64_t> iterations({1}), outcome({1});
    emix::TableClimbResult out{w.data,      m.data,        f.data,          objective.data,
                               loglik.data, gradient.data, iterations.data, outcome.data};
    const emix::Kernel& kernel = *level().kernel;
    emix::Begun begun = emix::Begun::none;
    {
        nb::gil_scoped_release released;
        begun = emix::begin_table(kernel, rows, request, threads, weights.data(), means.data(),
                                  factors.data(), out);
    }
    const nb::object ends =
        begun == emix::Begun::none
            ? nb::object(nb::none())
            : nb::object(nb::make_tuple(w.array, m.array, f.array, objective.array, loglik.array,
                                        gradient.array, iterations.array, outcome.array));
    return nb::make_tuple(static_cast<int64_t>(begun), ends);
}

bool asked() { return interrupted(nullptr); }

// What was found, and whether Ctrl-C left more to find.
nb::tuple swap_table(const Rows& points, const Weights& sample_weight, const std::string& structure,
                    const Matrix& weights, const Matrices& means, const Stack& factors,
                    const Vector& held_weights, const Vector& concentration,
                    const Weights& pseudo_mean, double pseudo_count, double extra_weight,
                    const std::optional<Matrix>& extra_scatter, double floor, int64_t short_run,
                    double tol, const Ground& ground, const Matrix& factor,
                    const Vector& objective, const Vector& worth, const Vector& cumulative,
                    int64_t swaps, int64_t settled, std::uint64_t seed, std::uint64_t first,
                    std::uint64_t each, double slack, double on_the_way, double narrowest,
                    double widest, int threads) {
    const auto [rows, s, k, d] =
        Placed(points, sample_weight, {weights, means, factors}, threads);
    require(rows.n >= 1, "there must be a row");
    require_shape(factor, "factor", d, d);
    require_shape(objective, "objective", s);
    require_shape(worth, "worth", s);
    require_shape(cumulative, "cumulative", rows.n);
    const Given centre(pseudo_mean, "pseudo_mean", d), extra(extra_scatter, "extra_scatter", d);
    GivenGround given(ground, d);
    given.terms.factor = factor.data();
    const emix::TableSwaps request{
        {s, k,
         table_terms(structure, held_weights, concentration, centre, pseudo_count, extra,
                     extra_weight, floor, k),
         short_run, tol, weights.data(), means.data(), factors.data(), nullptr},
        given.terms, objective.data(), worth.data(), cumulative.data(), swaps, settled, seed,
        first, each, slack, on_the_way, narrowest, widest};
    const emix::Kernel& kernel = *level().kernel;
    std::vector<emix::TableFound> found;
    {
        nb::gil_scoped_release released;
        found = emix::swap_table(kernel, rows, request, threads, {asked});
    }
    const bool was_cut = PyErr_Occurred();
    if (was_cut && !PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) throw nb::python_error();
    PyErr_Clear();
    const size_t components = static_cast<size_t>(k), columns = static_cast<size_t>(d);
    nb::list list;
    for (const emix::TableFound& one : found)
        list.append(nb::make_tuple(
            one.chain, copied(one.weights, {1, components}),
            copied(one.means, {1, components, columns}),
            copied(one.factors, {1, components, columns, columns}), one.objective, one.loglik,
            one.gradient, one.iterations, one.outcome, one.worth,
            copied(one.trace, {one.trace.size()})));
    return nb::make_tuple(list, was_cut);
}

}  // namespace

void add_table_searches(nb::module_& module) {
    module.def("least_worths_table", least_worths_table, "points"_a, "sample_weight"_a.none(),
               "structure"_a, "weights"_a, "means"_a, "factors"_a, "held_weights"_a, "floor"_a,
               "ground"_a, "threads"_a);
    module.def("begin_table", begin_table, "points"_a, "sample_weight"_a.none(), "structure"_a,
               "weights"_a, "means"_a, "factors"_a, "held_weights"_a, "concentration"_a,
               "pseudo_mean"_a.none(), "pseudo_count"_a, "extra_weight"_a,
               "extra_scatter"_a.none(), "floor"_a, "few"_a, "short_run"_a, "max_iter"_a, "tol"_a,
               "ground"_a.none(), "slack"_a, "least_objective"_a, "most"_a, "threads"_a);
    module.def("swap_table", swap_table, "points"_a, "sample_weight"_a.none(), "structure"_a,
               "weights"_a, "means"_a, "factors"_a, "held_weights"_a, "concentration"_a,
               "pseudo_mean"_a.none(), "pseudo_count"_a, "extra_weight"_a,
               "extra_scatter"_a.none(), "floor"_a, "short_run"_a, "tol"_a, "ground"_a.none(),
               "factor"_a, "objective"_a, "worth"_a, "cumulative"_a, "swaps"_a, "settled"_a,
               "seed"_a, "first"_a, "each"_a, "slack"_a, "on_the_way"_a, "narrowest"_a,
               "widest"_a, "threads"_a);
}

}  // namespace emix::python
