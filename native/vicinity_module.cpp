// The part of the Python module for many components.
#include "table_bindings.hpp"
#include "vicinity_kernel.hpp"

namespace emix::python {
namespace {

using std::int32_t;
using Places = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Components = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void require_components(const Components& values, int64_t k, const char* message) {
    bool fit = true;
    for (size_t i = 0; i < values.shape(0); ++i)
        fit = fit && 0 <= values.data()[i] && values.data()[i] < k;
    require(fit, message);
}

emix::Vicinities vicinities(const Components& lead, const Places& begin, const Components& near,
                            int64_t n, int64_t k) {
    require_shape(lead, "lead", n);
    require_shape(begin, "begin", k + 1);
    const int64_t* at = begin.data();
    bool rise = at[0] == 0 && at[k] == static_cast<int64_t>(near.shape(0));
    for (int64_t c = 0; c < k; ++c) rise = rise && at[c] < at[c + 1];
    require(rise, "begin must rise from 0 to the length of near, with nothing empty");
    require_components(lead, k, "lead names a component that there is not");
    require_components(near, k, "near names a component that there is not");
    return {lead.data(), at, near.data()};
}

nb::tuple expect_vicinity(const Rows& x, const Weights& sample_weight, const Weights& shift,
                          const Weights& scale, int64_t form, const Vector& log_weights,
                          const Matrix& means, const Parameters& spreads, int64_t scatter,
                          const Components& lead, const Places& begin, const Components& near,
                          int threads) {
    const emix::Table rows = table(x, sample_weight, shift, scale);
    const emix::TableMixture m = table_mixture(form, log_weights, means, spreads, rows.d);
    require(0 <= scatter && scatter <= 3, "scatter must be 0, 1, 2 or 3");
    require_threads(threads);
    const emix::Vicinities lists = vicinities(lead, begin, near, rows.n, m.k);
    const emix::Kernel& kernel = *level().kernel;
    const size_t k = static_cast<size_t>(m.k), d = static_cast<size_t>(rows.d);
    Result<double> s0({k}), s1({k, d}), share({near.shape(0)});
    Result<double> s2 = scatter == emix::spherical_scatter  ? Result<double>({k})
                        : scatter == emix::diagonal_scatter ? Result<double>({k, d})
                        : scatter == emix::full_scatter     ? Result<double>({k, d, d})
                                                            : Result<double>({1, d, d});
    Result<int32_t> leads({lead.shape(0)});
    emix::TableStatistics out{s0.data, s1.data, s2.data, 0.0, 0.0};
    emix::VicinityShares found{leads.data, share.data};
    {
        nb::gil_scoped_release released;
        kernel.vicinity->expect(rows, m, static_cast<emix::ScatterForm>(scatter), lists, threads,
                               out, found);
    }
    return nb::make_tuple(s0.array, s1.array, s2.array, out.loglik, out.weight, leads.array,
                          share.array);
}

void collect(void* context, const emix::SurveyEntry* entries, int64_t count) {
    auto& all = *static_cast<std::vector<emix::SurveyEntry>*>(context);
    all.insert(all.end(), entries, entries + count);
}

nb::tuple survey(const Rows& x, const Weights& shift, const Weights& scale, int64_t form,
                 const Vector& log_weights, const Matrix& means, const Parameters& spreads,
                 const Places& asked, double least, const std::optional<Components>& lead,
                 const std::optional<Places>& begin, const std::optional<Components>& near,
                 int threads) {
    const emix::Table rows = table(x, std::nullopt, shift, scale);
    const emix::TableMixture m = table_mixture(form, log_weights, means, spreads, rows.d);
    require_threads(threads);
    emix::Vicinities lists{};
    if (lead && begin && near) lists = vicinities(*lead, *begin, *near, rows.n, m.k);
    const int64_t count = static_cast<int64_t>(asked.shape(0));
    for (int64_t i = 0; i < count; ++i)
        require(0 <= asked.data()[i] && asked.data()[i] < rows.n, "a row that there is not");
    const emix::Kernel& kernel = *level().kernel;
    std::vector<emix::SurveyEntry> all;
    {
        nb::gil_scoped_release released;
        kernel.vicinity->survey(rows, m, {asked.data(), count, least, lists},
                                threads, {&all, collect});
    }
    Result<int32_t> row({all.size()}), component({all.size()});
    Result<double> responsibility({all.size()});
    for (size_t i = 0; i < all.size(); ++i) {
        row.data[i] = all[i].row;
        component.data[i] = all[i].component;
        responsibility.data[i] = all[i].responsibility;
    }
    return nb::make_tuple(row.array, component.array, responsibility.array);
}

nb::object draw_seeds(const Matrix& points, const Vector& weight, const Vector& uniforms,
                      int threads) {
    const int64_t n = static_cast<int64_t>(points.shape(0));
    require(n >= 1, "seeds are drawn from at least one row");
    require_shape(weight, "weight", n);
    require_threads(threads);
    const emix::SeedRequest request{points.data(),
                                    weight.data(),
                                    n,
                                    static_cast<int64_t>(points.shape(1)),
                                    static_cast<int64_t>(uniforms.shape(0)),
                                    uniforms.data()};
    const emix::Kernel& kernel = *level().kernel;
    Result<int64_t> seeds({uniforms.shape(0)});
    {
        nb::gil_scoped_release released;
        kernel.vicinity->draw_seeds(request, threads, seeds.data);
    }
    return seeds.array;
}

}  // namespace

void add_vicinities(nb::module_& module) {
    module.def("expect_vicinity", expect_vicinity, "x"_a, "sample_weight"_a.none(),
               "shift"_a.none(), "scale"_a.none(), "form"_a, "log_weights"_a, "means"_a,
               "spreads"_a, "scatter"_a, "lead"_a, "begin"_a, "near"_a, "threads"_a);
    module.def("survey", survey, "x"_a, "shift"_a.none(), "scale"_a.none(), "form"_a,
               "log_weights"_a, "means"_a, "spreads"_a, "rows"_a, "least"_a,
               "lead"_a.none(), "begin"_a.none(), "near"_a.none(), "threads"_a);
    module.def("draw_seeds", draw_seeds, "points"_a, "weight"_a, "uniforms"_a, "threads"_a);
}

}  // namespace emix::python
