// Matrices of a few rows and columns, row after row. Where their side is known
// to the compiler the loops disappear; it may also be known at run time only.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

// A side: D where it is above 0, else what was given.
template <int D>
struct Side {
    int64_t given;
    EMIX_INLINE operator int64_t() const { return D > 0 ? D : given; }
};

EMIX_INLINE double square(double x) { return x * x; }

template <int D>
EMIX_INLINE double dot(Side<D> d, const double* a, const double* b) {
    double sum = 0.0;
    for (int64_t i = 0; i < d; ++i) sum += a[i] * b[i];
    return sum;
}

template <int D>
EMIX_INLINE void set_identity(Side<D> d, double* a) {
    for (int64_t i = 0; i < d * d; ++i) a[i] = 0.0;
    for (int64_t i = 0; i < d; ++i) a[i * d + i] = 1.0;
}

// x = L⁻¹ b.
template <int D>
EMIX_INLINE void solve_lower(Side<D> d, const double* lower, const double* b, double* x) {
    for (int64_t i = 0; i < d; ++i) {
        double left = b[i];
        for (int64_t j = 0; j < i; ++j) left -= lower[i * d + j] * x[j];
        x[i] = left / lower[i * d + i];
    }
}

// y = L x.
template <int D>
EMIX_INLINE void multiply_lower(Side<D> d, const double* lower, const double* x, double* y) {
    for (int64_t i = 0; i < d; ++i) {
        double sum = 0.0;
        for (int64_t j = 0; j <= i; ++j) sum += lower[i * d + j] * x[j];
        y[i] = sum;
    }
}

// a b for lower triangles; above the diagonal nothing is read or written.
template <int D>
EMIX_INLINE void multiply_triangles(Side<D> d, const double* a, const double* b, double* product) {
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j) {
            double sum = 0.0;
            for (int64_t m = j; m <= i; ++m) sum += a[i * d + m] * b[m * d + j];
            product[i * d + j] = sum;
        }
}

// S <- L⁻¹ S, whole rows at a time, and then S <- (L⁻¹ Sᵀ): twice the same for
// the L⁻¹ S L⁻ᵀ of a symmetric S.
template <int D>
EMIX_INLINE void whiten_symmetric(Side<D> d, const double* lower, double* s) {
    for (int pass = 0; pass < 2; ++pass) {
        for (int64_t i = 0; i < d; ++i) {
            const double inverse = 1.0 / lower[i * d + i];
            for (int64_t j = 0; j < i; ++j)
                for (int64_t m = 0; m < d; ++m) s[i * d + m] -= lower[i * d + j] * s[j * d + m];
            for (int64_t m = 0; m < d; ++m) s[i * d + m] *= inverse;
        }
        if (pass == 1) return;
        for (int64_t i = 0; i < d; ++i)
            for (int64_t j = 0; j < i; ++j) {
                const double kept = s[i * d + j];
                s[i * d + j] = s[j * d + i];
                s[j * d + i] = kept;
            }
    }
}

// (L Lᵀ)⁻¹ in full. `scratch` has room for d².
template <int D>
EMIX_INLINE void invert_square(Side<D> d, const double* lower, double* inverse, double* scratch) {
    for (int64_t c = 0; c < d; ++c)
        for (int64_t i = c; i < d; ++i) {
            double left = i == c ? 1.0 : 0.0;
            for (int64_t j = c; j < i; ++j) left -= lower[i * d + j] * scratch[j * d + c];
            scratch[i * d + c] = left / lower[i * d + i];
        }
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j) {
            double sum = 0.0;
            for (int64_t m = i; m < d; ++m) sum += scratch[m * d + i] * scratch[m * d + j];
            inverse[i * d + j] = inverse[j * d + i] = sum;
        }
}

// L Lᵀ in full.
template <int D>
EMIX_INLINE void square_of_lower(Side<D> d, const double* lower, double* s) {
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j) {
            double sum = 0.0;
            for (int64_t m = 0; m <= j; ++m) sum += lower[i * d + m] * lower[j * d + m];
            s[i * d + j] = s[j * d + i] = sum;
        }
}

// The lower factor of a symmetric matrix of which the lower triangle is read. A
// column of which nothing is left but rounding becomes 0: what came of it could
// be anything.
template <int D>
EMIX_INLINE void cholesky(Side<D> d, const double* a, double* lower) {
    for (int64_t j = 0; j < d; ++j) {
        double pivot = a[j * d + j];
        for (int64_t m = 0; m < j; ++m) pivot -= square(lower[j * d + m]);
        const bool sound = pivot > 0x1p-50 * a[j * d + j];
        const double root = sound ? std::sqrt(pivot) : 0.0, inverse = sound ? 1.0 / root : 0.0;
        lower[j * d + j] = root;
        for (int64_t i = j + 1; i < d; ++i) {
            double left = a[i * d + j];
            for (int64_t m = 0; m < j; ++m) left -= lower[i * d + m] * lower[j * d + m];
            lower[i * d + j] = left * inverse;
        }
    }
}

// Of a column's variance at least 2⁻⁴⁰ must be its own, and its own standard
// deviation at least `floor`.
constexpr double own_share = 0x1p-20;

// Whether column j of a factor has no more of its own than the floor allows.
template <int D>
EMIX_INLINE bool is_floored(Side<D> d, const double* lower, int64_t j, double floor) {
    const double *row = lower + j * d, own = square(row[j]);
    double variance = 0.0;
    for (int64_t m = 0; m <= j; ++m) variance += square(row[m]);
    const double least = square(own_share) * variance;
    return own <= (least < square(floor) ? square(floor) : least) * (1.0 + 2e-9);
}

template <int D>
EMIX_INLINE bool has_floored_pivot(Side<D> d, const double* lower, double floor) {
    bool floored = false;
    for (int64_t j = 0; j < d; ++j) floored = is_floored(d, lower, j, floor) || floored;
    return floored;
}

// The geometric mean of numbers that are not negative: by their product, whose
// exponent is kept apart, and not by as many logarithms.
template <int D>
EMIX_INLINE double geometric_mean(Side<D> d, const double* a, int64_t stride = 1) {
    double product = 1.0;
    int exponent = 0;
    for (int64_t i = 0; i < d; ++i) {
        product *= a[i * stride];
        if (product < 0x1p-400 || product > 0x1p400) {
            int more = 0;
            product = std::frexp(product, &more);
            exponent += more;
        }
    }
    if (!(product > 0.0)) return 0.0;
    return std::exp((std::log(product) + exponent * log_two) / static_cast<double>(d));
}

// (a, b) <- (c a + s b, c b - s a), for rows of length d.
template <int D>
EMIX_INLINE void turn(Side<D> d, double c, double s, double* a, double* b) {
    for (int64_t m = 0; m < d; ++m) {
        const double one = c * a[m] + s * b[m];
        b[m] = c * b[m] - s * a[m];
        a[m] = one;
    }
}

// Cosine and sine of half the angle of the direction (x, y), |angle| <= π; no
// angle where squares underflow.
struct HalfAngle {
    double c = 1.0, s = 0.0;
    EMIX_INLINE HalfAngle(double x, double y) {
        const double size = std::sqrt(x * x + y * y);
        if (!(size > 0.0)) return;
        const double big = std::sqrt(0.5 + 0.5 * std::fabs(x) / size), small = 0.5 * y / (size * big);
        if (x >= 0.0) {
            c = big;
            s = small;
        } else {
            c = std::fabs(small);
            s = y < 0.0 ? -big : big;
        }
    }
};

// Two rows count as orthogonal when their cosine is no more than rounding.
constexpr double orthogonal = 4e-15;

// Turns the rows of y, and those of `rows` with them, until those of y are
// orthogonal and descend in length (one-sided Jacobi: every length keeps its
// relative accuracy; rows that are no more than rounding of the longest are left
// as they are). With y yᵀ = A the rows of `rows`, begun as the identity,
// end as the eigenvectors of A; begun as a basis that y was written in, as the
// eigenvectors seen from outside.
template <int D>
EMIX_INLINE void diagonalise_rows(Side<D> d, double* y, double* rows) {
    const Side<0> all{d * d};
    const double rounding = 0x1p-104 * dot(all, y, y);
    for (int sweep = 0; sweep < 60; ++sweep) {
        double largest = 0.0;
        for (int64_t i = 0; i + 1 < d; ++i)
            for (int64_t j = i + 1; j < d; ++j) {
                const double a = dot(d, y + i * d, y + i * d), b = dot(d, y + j * d, y + j * d);
                const double off = dot(d, y + i * d, y + j * d);
                if (a >= b && off * off <= square(orthogonal) * a * b) continue;
                if (a <= rounding && b <= rounding) continue;
                const double cosine = off * off / (a * b);
                largest = a < b ? 1.0 : largest < cosine ? cosine : largest;
                const HalfAngle angle(a - b, 2.0 * off);
                turn(d, angle.c, angle.s, y + i * d, y + j * d);
                turn(d, angle.c, angle.s, rows + i * d, rows + j * d);
            }
        // What is left is the square of what there was.
        if (!(largest > 1e-20)) return;
    }
}

// One Newton step towards the nearest orthogonal matrix, R <- (3 R - R Rᵀ R)/2:
// thousands of turns would otherwise wear it away.
template <int D>
EMIX_INLINE void keep_orthogonal(Side<D> d, double* rows, double* scratch) {
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j < d; ++j)
            scratch[i * d + j] = (i == j ? 1.5 : 0.0) - 0.5 * dot(d, rows + i * d, rows + j * d);
    double* copy = scratch + d * d;
    for (int64_t i = 0; i < d * d; ++i) copy[i] = rows[i];
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j < d; ++j) {
            double sum = 0.0;
            for (int64_t m = 0; m < d; ++m) sum += scratch[i * d + m] * copy[m * d + j];
            rows[i * d + j] = sum;
        }
}

// The lower factor L of Rᵀ diag(axes²) R for orthogonal rows R, and the turn T,
// with T L⁻¹ = ... : diag(axes)⁻¹ R x = T L⁻¹ x for every x. Givens rotations of
// diag(axes) R to an upper triangle. `scratch` has room for 2 d².
template <int D>
EMIX_INLINE void factor_of_axes(Side<D> d, const double* axes, const double* rows, double* lower,
                                double* turned, double* scratch) {
    double *g = scratch, *v = scratch + d * d;
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j < d; ++j) g[i * d + j] = axes[i] * rows[i * d + j];
    set_identity(d, v);
    for (int64_t j = 0; j + 1 < d; ++j)
        for (int64_t i = d - 1; i > j; --i) {
            const double a = g[(i - 1) * d + j], b = g[i * d + j];
            const double size = std::sqrt(a * a + b * b);
            // Two whose squares underflow are 0 beside the axes as they are.
            if (b == 0.0 || !(size > 0.0)) continue;
            turn(d, a / size, b / size, g + (i - 1) * d, g + i * d);
            turn(d, a / size, b / size, v + (i - 1) * d, v + i * d);
        }
    for (int64_t i = 0; i < d; ++i) {
        const double sign = g[i * d + i] < 0.0 ? -1.0 : 1.0;
        for (int64_t j = i; j < d; ++j) lower[j * d + i] = sign * g[i * d + j];
        for (int64_t j = 0; j < d; ++j) turned[j * d + i] = sign * v[i * d + j];
    }
}

// T S Tᵀ, in full. `scratch` has room for d².
template <int D>
EMIX_INLINE void congruent(Side<D> d, const double* t, const double* s, double* out,
                           double* scratch) {
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j < d; ++j) {
            double sum = 0.0;
            for (int64_t m = 0; m < d; ++m) sum += t[i * d + m] * s[m * d + j];
            scratch[i * d + j] = sum;
        }
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j)
            out[i * d + j] = out[j * d + i] = dot(d, scratch + i * d, t + j * d);
}

}  // namespace emix::EMIX_LEVEL
