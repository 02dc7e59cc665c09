// A mixture in d columns prepared for base-2 arithmetic: offsets, and inverse
// factors in the order in which the loops read them.
#pragma once

#include "table.hpp"

namespace emix::EMIX_LEVEL {

// A lower triangular matrix by tiles of rows: for each four rows, column by
// column up to the diagonal, those four values one after another.
inline int64_t rows_size(int64_t d) {
    const int64_t whole = d / tile, rest = d % tile;
    return aligned(tile * tile * whole * (whole + 1) / 2 + (rest ? tile * d : 0));
}
inline int64_t rows_before(int64_t row) {  // row: the first of a tile
    return tile * row * (row + tile) / (2 * tile);
}

// log2 p_ik = offset_k - |factor_k (z_i - mean_k)|², with the factor of
// - isotropic and diagonal spread: `inverse` (k, d), the same in every column or not;
// - full spread: `rows` (k, rows_size), triangular;
// - common spread: one triangular `rows`, applied once to each point about `centre`;
//   `mean` is then followed by the means so whitened, `white`. Where these are so
//   far apart that differences of whitened points would lose digits (`apart`),
//   each component whitens for itself.
struct PreparedTable {
    int64_t k, d;
    SpreadForm spread;
    double *offset, *mean;
    double *inverse, *rows, *pairs;
    double *centre, *white;
    bool apart;
    const double* reference;  // the mean of the likeliest component

    static int64_t size(int64_t k, int64_t d, SpreadForm spread) {
        const int64_t own = spread == full_spread     ? k * rows_size(d)
                            : spread == common_spread ? rows_size(d) + aligned(d) + aligned(k * d)
                                                      : aligned(k * d);
        return aligned(k) + aligned(k * d) + own + pairs_size(k, d) + aligned(d);
    }
    // Components in fours: four means, then four inverses, column by column.
    static int64_t pairs_size(int64_t k, int64_t d) { return (k + tile - 1) / tile * 2 * tile * d; }

    const double* triangle(int64_t component) const {
        return rows + (spread == full_spread ? component * rows_size(d) : 0);
    }
};

// rows = scale L⁻¹ by tiles. Row i of X = L⁻¹ solves x L = e_i from its right
// end: X L is then the identity to rounding, which is what X (L y) needs.
inline double invert_factor(const double* factor, int64_t d, double scale, double* row,
                            double* rows) {
    double log_determinant = 0.0;
    for (int64_t i = 0; i < d; ++i) {
        for (int64_t j = 0; j < i; ++j) row[j] = 0.0;
        row[i] = scale;
        for (int64_t m = i; m >= 0; --m) {
            const double* l = factor + m * d;
            const double x = row[m] / l[m];
            row[m] = x;
            for (int64_t j = 0; j < m; ++j) row[j] -= x * l[j];
        }
        log_determinant += std::log(factor[i * d + i]);
        const int64_t first = i / tile * tile, last = smaller(first + tile, d);
        double* to = rows + rows_before(first) + (i - first);
        for (int64_t j = 0; j < last; ++j) to[j * tile] = j <= i ? row[j] : 0.0;
    }
    return log_determinant;
}

inline void prepare_columns(const TableMixture& m, PreparedTable& t) {
    for (int64_t c = 0; c < t.k; ++c) {
        double logs = 0.0;
        const bool one = t.spread == isotropic_spread;
        for (int64_t j = 0; j < t.d; ++j) {
            const double sd = m.spreads[one ? c : c * t.d + j];
            if (!one || j == 0) logs += std::log(sd) * static_cast<double>(one ? t.d : 1);
            t.inverse[c * t.d + j] = root_half_log2_e / sd;
        }
        t.offset[c] = logs;
    }
}

inline void prepare_full(const TableMixture& m, double* row, PreparedTable& t) {
    for (int64_t c = 0; c < t.k; ++c)
        t.offset[c] = invert_factor(m.spreads + c * t.d * t.d, t.d, root_half_log2_e, row,
                                    t.rows + c * rows_size(t.d));
}

// What one row of a triangle by tiles makes of a deviation.
inline double triangle_row(const double* rows, int64_t i, const double* deviation) {
    const int64_t first = i / tile * tile;
    const double* from = rows + rows_before(first) + (i - first);
    double sum = 0.0;
    for (int64_t j = 0; j <= i; ++j) sum += from[j * tile] * deviation[j];
    return sum;
}

inline void prepare_common(const TableMixture& m, double* row, PreparedTable& t) {
    constexpr double largest_white = 4096.0;
    const double logs = invert_factor(m.spreads, t.d, root_half_log2_e, row, t.rows);
    for (int64_t j = 0; j < t.d; ++j) {
        double sum = 0.0;
        for (int64_t c = 0; c < t.k; ++c) sum += t.mean[c * t.d + j] / static_cast<double>(t.k);
        t.centre[j] = sum;
    }
    t.apart = false;
    for (int64_t c = 0; c < t.k; ++c) {
        t.offset[c] = logs;
        for (int64_t j = 0; j < t.d; ++j) row[j] = t.mean[c * t.d + j] - t.centre[j];
        for (int64_t i = 0; i < t.d; ++i) {
            const double nu = triangle_row(t.rows, i, row);
            t.white[c * t.d + i] = nu;
            if (!(std::fabs(nu) <= largest_white)) t.apart = true;
        }
    }
}

inline void prepare_pairs(PreparedTable& t) {
    const double* mean = t.spread == common_spread ? t.white : t.mean;
    const int64_t k = t.k, d = t.d;
    for (int64_t c = 0; c < (k + tile - 1) / tile * tile; ++c) {
        double* to = t.pairs + c / tile * 2 * tile * d + c % tile;
        for (int64_t j = 0; j < d; ++j) {
            to[2 * tile * j] = c < k ? mean[c * d + j] : 0.0;
            to[2 * tile * j + tile] =
                c < k && t.spread != common_spread ? t.inverse[c * d + j] : 0.0;
        }
    }
}

// `storage` has room for PreparedTable::size.
inline PreparedTable prepare_table(const TableMixture& m, int64_t d, double* storage) {
    PreparedTable t{};
    t.k = m.k;
    t.d = d;
    t.spread = m.form;
    const auto take = [&](int64_t doubles) {
        double* part = storage;
        storage += aligned(doubles);
        return part;
    };
    t.offset = take(t.k);
    t.mean = take(t.k * d);
    for (int64_t i = 0; i < t.k * d; ++i) t.mean[i] = m.means[i];
    double* row = take(d);
    if (t.spread == full_spread) {
        t.rows = take(t.k * rows_size(d));
        prepare_full(m, row, t);
    } else if (t.spread == common_spread) {
        t.rows = take(rows_size(d));
        t.centre = take(d);
        t.white = take(t.k * d);
        prepare_common(m, row, t);
    } else {
        t.inverse = take(t.k * d);
        prepare_columns(m, t);
    }
    if (t.spread != full_spread) {
        t.pairs = take(PreparedTable::pairs_size(t.k, d));
        prepare_pairs(t);
    }
    int64_t likeliest = 0;
    for (int64_t c = 0; c < t.k; ++c) {
        const double constant = static_cast<double>(d) * half_log_two_pi;
        t.offset[c] = (m.log_weights[c] - t.offset[c] - constant) * log2_e;
        if (t.offset[c] > t.offset[likeliest]) likeliest = c;
    }
    t.reference = t.mean + likeliest * d;
    return t;
}

}  // namespace emix::EMIX_LEVEL
