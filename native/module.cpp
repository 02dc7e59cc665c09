// The Python module emix.kernels._native: checks shapes, releases the GIL,
// calls the chosen level of the kernel.
#include "bindings.hpp"

namespace {

using namespace emix::python;

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

nb::tuple classification(const Values& x, const Weights& sample_weight, double shift, double scale,
                         const Vector& log_weights, const Vector& means, const Vector& sds,
                         int threads) {
    const emix::Column c = column(x, sample_weight, shift, scale);
    const emix::ColumnMixture m = mixture(log_weights, means, sds);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    double hard = 0.0, soft = 0.0;
    {
        nb::gil_scoped_release released;
        kernel.classification(c, m, threads, &hard, &soft);
    }
    return nb::make_tuple(hard, soft);
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
    module.def("classification", classification, "x"_a, "sample_weight"_a.none(), "shift"_a,
               "scale"_a, "log_weights"_a, "means"_a, "sds"_a, "threads"_a);
    emix::python::add_search(module);
    emix::python::add_fits(module);
    emix::python::add_tables(module);
    emix::python::add_table_climbs(module);
    emix::python::add_table_searches(module);
    emix::python::add_replicates(module);
    emix::python::add_bins(module);
    emix::python::add_vicinities(module);
    emix::python::add_divisions(module);
}
