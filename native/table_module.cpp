// The part of the Python module that scores tables of several columns.
#include "table_bindings.hpp"

namespace emix::python {
namespace {

nb::tuple expect_table(const Rows& x, const Weights& sample_weight, const Weights& shift,
                       const Weights& scale, int64_t form, const Vector& log_weights,
                       const Matrix& means, const Parameters& spreads, int64_t scatter,
                       int threads) {
    const emix::Table rows = table(x, sample_weight, shift, scale);
    const emix::TableMixture m = table_mixture(form, log_weights, means, spreads, rows.d);
    require(0 <= scatter && scatter <= 3, "scatter must be 0, 1, 2 or 3");
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    const size_t k = static_cast<size_t>(m.k), d = static_cast<size_t>(rows.d);
    Result<double> s0({k}), s1({k, d});
    Result<double> s2 = scatter == emix::spherical_scatter  ? Result<double>({k})
                        : scatter == emix::diagonal_scatter ? Result<double>({k, d})
                        : scatter == emix::full_scatter     ? Result<double>({k, d, d})
                                                            : Result<double>({1, d, d});
    emix::TableStatistics out{s0.data, s1.data, s2.data, 0.0, 0.0};
    {
        nb::gil_scoped_release released;
        kernel.expect_table(rows, m, static_cast<emix::ScatterForm>(scatter), threads, out);
    }
    return nb::make_tuple(s0.array, s1.array, s2.array, out.loglik, out.weight);
}

nb::object log_density_table(const Rows& x, int64_t form, const Vector& log_weights,
                             const Matrix& means, const Parameters& spreads, int threads) {
    const emix::Table rows = table(x, std::nullopt, std::nullopt, std::nullopt);
    const emix::TableMixture m = table_mixture(form, log_weights, means, spreads, rows.d);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    Result<double> out({static_cast<size_t>(rows.n)});
    {
        nb::gil_scoped_release released;
        kernel.log_density_table(rows, m, threads, out.data);
    }
    return out.array;
}

nb::object responsibilities_table(const Rows& x, int64_t form, const Vector& log_weights,
                                  const Matrix& means, const Parameters& spreads, int threads) {
    const emix::Table rows = table(x, std::nullopt, std::nullopt, std::nullopt);
    const emix::TableMixture m = table_mixture(form, log_weights, means, spreads, rows.d);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    Result<double> out({static_cast<size_t>(rows.n), static_cast<size_t>(m.k)});
    {
        nb::gil_scoped_release released;
        kernel.responsibilities_table(rows, m, threads, out.data);
    }
    return out.array;
}

nb::object labels_table(const Rows& x, int64_t form, const Vector& log_weights,
                        const Matrix& means, const Parameters& spreads, int threads) {
    const emix::Table rows = table(x, std::nullopt, std::nullopt, std::nullopt);
    const emix::TableMixture m = table_mixture(form, log_weights, means, spreads, rows.d);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    Result<int64_t> out({static_cast<size_t>(rows.n)});
    {
        nb::gil_scoped_release released;
        kernel.labels_table(rows, m, threads, out.data);
    }
    return out.array;
}

nb::tuple classification_table(const Rows& x, const Weights& sample_weight, int64_t form,
                               const Vector& log_weights, const Matrix& means,
                               const Parameters& spreads, int threads) {
    const emix::Table rows = table(x, sample_weight, std::nullopt, std::nullopt);
    const emix::TableMixture m = table_mixture(form, log_weights, means, spreads, rows.d);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    double hard = 0.0, soft = 0.0;
    {
        nb::gil_scoped_release released;
        kernel.classification_table(rows, m, threads, &hard, &soft);
    }
    return nb::make_tuple(hard, soft);
}

nb::tuple moments_table(const Rows& x, const Weights& sample_weight, int threads) {
    const emix::Table rows = table(x, sample_weight, std::nullopt, std::nullopt);
    require_threads(threads);
    const emix::Kernel& kernel = *level().kernel;
    const size_t d = static_cast<size_t>(rows.d);
    std::vector<emix::Moments> columns(d);
    {
        nb::gil_scoped_release released;
        kernel.moments_table(rows, threads, columns.data());
    }
    Result<double> mean({d}), scatter({d}), minimum({d}), maximum({d});
    int64_t first_bad = -1;
    for (size_t j = 0; j < d; ++j) {
        const emix::Moments& m = columns[j];
        mean.data[j] = m.mean;
        scatter.data[j] = m.scatter;
        minimum.data[j] = m.minimum;
        maximum.data[j] = m.maximum;
        if (m.first_bad >= 0 && (first_bad < 0 || m.first_bad < first_bad))
            first_bad = m.first_bad;
    }
    return nb::make_tuple(columns[0].count, columns[0].weight, mean.array, scatter.array,
                          minimum.array, maximum.array, first_bad);
}

}  // namespace

void add_tables(nb::module_& module) {
    module.def("expect_table", expect_table, "x"_a, "sample_weight"_a.none(), "shift"_a.none(),
               "scale"_a.none(), "form"_a, "log_weights"_a, "means"_a, "spreads"_a, "scatter"_a,
               "threads"_a);
    module.def("log_density_table", log_density_table, "x"_a, "form"_a, "log_weights"_a, "means"_a,
               "spreads"_a, "threads"_a);
    module.def("responsibilities_table", responsibilities_table, "x"_a, "form"_a, "log_weights"_a,
               "means"_a, "spreads"_a, "threads"_a);
    module.def("labels_table", labels_table, "x"_a, "form"_a, "log_weights"_a, "means"_a,
               "spreads"_a, "threads"_a);
    module.def("classification_table", classification_table, "x"_a, "sample_weight"_a.none(),
               "form"_a, "log_weights"_a, "means"_a, "spreads"_a, "threads"_a);
    module.def("moments_table", moments_table, "x"_a, "sample_weight"_a.none(), "threads"_a);
}

}  // namespace emix::python
