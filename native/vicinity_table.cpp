// E-steps for many components, compiled once per instruction set beside
// kernel.cpp.
#include "seeds_table.hpp"
#include "survey_table.hpp"
#include "vicinity_table.hpp"

namespace emix::EMIX_LEVEL {
namespace {

void expect(const Table& table, const TableMixture& mixture, ScatterForm form,
            const Vicinities& near, int threads, TableStatistics& out, VicinityShares& found) {
    ExpectVicinity(table, mixture, form, near, threads, found)(out);
}

void survey(const Table& table, const TableMixture& mixture, const SurveyRequest& request,
            int threads, const SurveyListener& listener) {
    Survey(table, mixture, request, threads)(listener);
}

void draw_seeds(const SeedRequest& request, int threads, int64_t* seeds) {
    DrawSeeds(request, threads)(seeds);
}

}  // namespace

extern const VicinityKernel vicinity_kernel;
const VicinityKernel vicinity_kernel{expect, survey, draw_seeds};

}  // namespace emix::EMIX_LEVEL
