// Climbs of tables, compiled once per instruction set beside kernel.cpp.
#include "soundness_table.hpp"

namespace emix::EMIX_LEVEL {
namespace {

// In one column volume is all that a covariance has.
std::int64_t structure_in(std::int64_t structure, int64_t d) {
    if (d > 1) return structure;
    switch (structure) {
        case structure_eii:
        case structure_eei:
        case structure_evi:
        case structure_eee:
        case structure_eve:
        case structure_eev:
        case structure_evv: return structure_eii;
        default: return structure_vii;
    }
}

// Calls `verb.run<D, form>()` for the side and the form at hand. Triangles of a
// few columns are worth loops of their own.
template <class Verb>
void with_frame(std::int64_t structure, int64_t d, const Verb& verb) {
    switch (spread_rules<0>(structure).spread) {
        case isotropic_spread: return verb.template run<0, isotropic_spread>();
        case diagonal_spread: return verb.template run<0, diagonal_spread>();
        case common_spread: break;
        case full_spread: break;
    }
    const bool common = spread_rules<0>(structure).spread == common_spread;
    switch (d) {
        case 2:
            return common ? verb.template run<2, common_spread>()
                          : verb.template run<2, full_spread>();
        case 3:
            return common ? verb.template run<3, common_spread>()
                          : verb.template run<3, full_spread>();
        case 4:
            return common ? verb.template run<4, common_spread>()
                          : verb.template run<4, full_spread>();
        case 5:
            return common ? verb.template run<5, common_spread>()
                          : verb.template run<5, full_spread>();
        default:
            return common ? verb.template run<0, common_spread>()
                          : verb.template run<0, full_spread>();
    }
}

struct Climb {
    const Table& table;
    const TableClimbRequest& request;
    int threads;
    TableClimbResult& result;
    const TraceListener* listener;
    template <int D, SpreadForm form>
    void run() const {
        climb_table_of<D, form>(table, request, threads, result, listener);
    }
};

struct Maximise {
    const TableSpreadStep& request;
    template <int D, SpreadForm form>
    void run() const {
        maximise_table_of<D, form>(request);
    }
};

}  // namespace

void climb_table(const Table& table, const TableClimbRequest& given, int threads,
                 TableClimbResult& result, const TraceListener* listener) {
    TableClimbRequest request = given;
    request.terms.structure = structure_in(given.terms.structure, table.d);
    with_frame(request.terms.structure, table.d, Climb{table, request, threads, result, listener});
}

void maximise_table(const TableSpreadStep& given) {
    TableSpreadStep request = given;
    request.structure = structure_in(given.structure, given.d);
    with_frame(request.structure, request.d, Maximise{request});
}

void left_out_gains_table(const Table& table, const LeftOutRequest& given, int threads,
                          double* gains) {
    LeftOutRequest request = given;
    request.terms.structure = structure_in(given.terms.structure, table.d);
    left_out_gains_of(table, request, threads, gains);
}

}  // namespace emix::EMIX_LEVEL
