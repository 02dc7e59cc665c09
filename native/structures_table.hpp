// The one table that turns the number of a structure into its rules.
#pragma once

#include "structures_axes.hpp"
#include "structures_common_axes.hpp"
#include "structures_factors.hpp"

namespace emix::EMIX_LEVEL {

// In the order of TableStructure.
template <int D>
inline const SpreadRules& spread_rules(std::int64_t structure) {
    static const SpreadRules rules[] = {
        {isotropic_spread, spherical_scatter, true, EII::slope<0>, EII::maximise<0>},
        {isotropic_spread, spherical_scatter, false, VII::slope<0>, VII::maximise<0>},
        {diagonal_spread, diagonal_scatter, true, EEI::slope<0>, EEI::maximise<0>},
        {diagonal_spread, diagonal_scatter, false, VEI::slope<0>, VEI::maximise<0>},
        {diagonal_spread, diagonal_scatter, false, EVI::slope<0>, EVI::maximise<0>},
        {diagonal_spread, diagonal_scatter, false, VVI::slope<0>, VVI::maximise<0>},
        {common_spread, pooled_scatter, true, EEE::slope<D>, EEE::maximise<D>},
        {full_spread, full_scatter, false, VEE::slope<D>, VEE::maximise<D>},
        {full_spread, full_scatter, false, EVE::slope<D>, EVE::maximise<D>},
        {full_spread, full_scatter, false, VVE::slope<D>, VVE::maximise<D>},
        {full_spread, full_scatter, false, EEV::slope<D>, EEV::maximise<D>},
        {full_spread, full_scatter, false, VEV::slope<D>, VEV::maximise<D>},
        {full_spread, full_scatter, false, EVV::slope<D>, EVV::maximise<D>},
        {full_spread, full_scatter, false, VVV::slope<D>, VVV::maximise<D>},
    };
    return rules[structure];
}

// Spreads take (k), (k, d), (d, d) or (k, d, d), and scatter alike.
inline int64_t spread_size(SpreadForm form, int64_t k, int64_t d) {
    switch (form) {
        case isotropic_spread: return k;
        case diagonal_spread: return k * d;
        case common_spread: return d * d;
        default: return k * d * d;
    }
}

// Covariances that are the identity, in every form.
inline void set_neutral(SpreadForm form, int64_t k, int64_t d, const Spread& spread) {
    const Side<0> side{d};
    for (int64_t i = 0; i < spread_size(form, k, d); ++i) spread.spreads[i] = 1.0;
    for (int64_t i = 0; i < k * d; ++i) spread.axes[i] = 1.0;
    if (form == common_spread) set_identity(side, spread.spreads);
    for (int64_t j = 0; j < k; ++j) {
        if (form == full_spread) set_identity(side, spread.spreads + j * d * d);
        set_identity(side, spread.rows + j * d * d);
        set_identity(side, spread.turns + j * d * d);
    }
}

// Scatter of the form that a structure needs from matrices (k, d, d), each times
// its weight.
inline void reduce_scatter(ScatterForm form, int64_t k, int64_t d, const double* weight,
                           const double* matrices, double* out) {
    const int64_t size = d * d;
    if (form == pooled_scatter)
        for (int64_t i = 0; i < size; ++i) out[i] = 0.0;
    for (int64_t j = 0; j < k; ++j) {
        const double *from = matrices + j * size, w = weight[j];
        if (form == spherical_scatter) {
            out[j] = 0.0;
            for (int64_t i = 0; i < d; ++i) out[j] += w * from[i * d + i];
        } else if (form == diagonal_scatter) {
            for (int64_t i = 0; i < d; ++i) out[j * d + i] = w * from[i * d + i];
        } else {
            double* to = form == full_scatter ? out + j * size : out;
            for (int64_t i = 0; i < size; ++i)
                to[i] = (form == full_scatter ? 0.0 : to[i]) + w * from[i];
        }
    }
}

// Lower factors (k, d, d), zeros above them, from spreads of any form.
inline void write_factors(SpreadForm form, int64_t k, int64_t d, const double* spreads,
                          double* factors) {
    for (int64_t j = 0; j < k; ++j)
        for (int64_t r = 0; r < d; ++r)
            for (int64_t c = 0; c < d; ++c) {
                double value = 0.0;
                if (form == isotropic_spread)
                    value = r == c ? spreads[j] : 0.0;
                else if (form == diagonal_spread)
                    value = r == c ? spreads[j * d + r] : 0.0;
                else if (c <= r)
                    value = spreads[(form == full_spread ? j * d * d : 0) + r * d + c];
                factors[(j * d + r) * d + c] = value;
            }
}

}  // namespace emix::EMIX_LEVEL
