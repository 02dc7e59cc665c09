// The structures whose axes are the columns: EII, VII, EEI, VEI, EVI, VVI. Their
// spreads are standard deviations, (k) for the first two and (k, d) for the rest,
// and their scatter is whitened by dividing by them.
#pragma once

#include "structures_spread.hpp"

namespace emix::EMIX_LEVEL {

struct EII {
    template <int D>
    static double slope(const SpreadStep& s) {
        const Side<D> d{s.d};
        double excess = 0.0;
        for (int64_t j = 0; j < s.k; ++j)
            excess += s.scatter[j] - s.weight[j] * static_cast<double>(d);
        return s.old.spreads[0] <= s.floor && excess < 0.0 ? 0.0 : std::fabs(excess);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        double scatter = 0.0;
        for (int64_t j = 0; j < s.k; ++j) scatter += s.scatter[j] * square(s.old.spreads[j]);
        const double weight = total_of(s.k, s.weight);
        double sd = s.old.spreads[0];
        if (weight >= no_weight) sd = std::sqrt(scatter / (weight * static_cast<double>(d)));
        const bool floored = raise(sd, s.floor);
        for (int64_t j = 0; j < s.k; ++j) s.next.spreads[j] = sd;
        return floored;
    }
};

struct VII {
    template <int D>
    static double slope(const SpreadStep& s) {
        const Side<D> d{s.d};
        double largest = 0.0;
        for (int64_t j = 0; j < s.k; ++j) {
            const double excess = s.scatter[j] - s.weight[j] * static_cast<double>(d);
            if (!(s.old.spreads[j] <= s.floor && excess < 0.0)) count_slope(largest, excess);
        }
        return largest;
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        bool floored = false;
        for (int64_t j = 0; j < s.k; ++j) {
            double sd = s.old.spreads[j];
            if (s.weight[j] >= no_weight) {
                sd *= std::sqrt(s.scatter[j] / (s.weight[j] * static_cast<double>(d)));
                floored = raise(sd, s.floor) || floored;
            }
            s.next.spreads[j] = sd;
        }
        return floored;
    }
};

// The gradient of the four diagonal structures.
template <int D>
EMIX_INLINE double slope_of_columns(const SpreadStep& s, bool volume_varies, bool shape_varies) {
    const Side<D> d{s.d};
    for (int64_t j = 0; j < s.k; ++j)
        for (int64_t i = 0; i < d; ++i) {
            const double excess = s.scatter[j * d + i] - s.weight[j];
            const bool stopped = s.old.spreads[j * d + i] <= s.floor && excess < 0.0;
            s.scatter[j * d + i] = stopped ? 0.0 : excess;
        }
    return slope_of_axes(d, s.k, volume_varies, shape_varies, s.scatter);
}

// Expected squares in the units of the data, from whitened ones.
template <int D>
EMIX_INLINE void unwhiten_columns(Side<D> d, const SpreadStep& s) {
    for (int64_t i = 0; i < s.k * d; ++i) s.scatter[i] *= square(s.old.spreads[i]);
}

template <int D>
EMIX_INLINE bool raise_all(Side<D> d, const SpreadStep& s) {
    bool floored = false;
    for (int64_t i = 0; i < s.k * d; ++i) floored = raise(s.next.spreads[i], s.floor) || floored;
    return floored;
}

struct EEI {
    template <int D>
    static double slope(const SpreadStep& s) {
        return slope_of_columns<D>(s, false, false);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        unwhiten_columns(d, s);
        const double weight = total_of(s.k, s.weight);
        for (int64_t i = 0; i < d; ++i) {
            double scatter = 0.0, sd = s.old.spreads[i];
            for (int64_t j = 0; j < s.k; ++j) scatter += s.scatter[j * d + i];
            if (weight >= no_weight) sd = std::sqrt(scatter / weight);
            for (int64_t j = 0; j < s.k; ++j) s.next.spreads[j * d + i] = sd;
        }
        return raise_all(d, s);
    }
};

struct VVI {
    template <int D>
    static double slope(const SpreadStep& s) {
        return slope_of_columns<D>(s, true, true);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        for (int64_t j = 0; j < s.k; ++j) {
            const bool moves = s.weight[j] >= no_weight;
            const double inverse = moves ? 1.0 / s.weight[j] : 0.0;
            for (int64_t i = j * d; i < (j + 1) * d; ++i)
                s.next.spreads[i] =
                    s.old.spreads[i] * (moves ? std::sqrt(s.scatter[i] * inverse) : 1.0);
        }
        return raise_all(d, s);
    }
};

struct VEI {
    template <int D>
    static double slope(const SpreadStep& s) {
        return slope_of_columns<D>(s, true, false);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        unwhiten_columns(d, s);
        double *shape = s.scratch, *wider = shape + d, *volume = wider + d;
        for (int64_t i = 0; i < d; ++i) shape[i] = square(s.old.spreads[i]);
        const bool floored = proportional_axes(d, s.k, s.weight, s.scatter, shape, volume, wider,
                                               s.thorough);
        for (int64_t j = 0; j < s.k; ++j) {
            const bool moves = s.weight[j] >= no_weight;
            // One without points keeps its volume: its first axis says which.
            const double size = moves ? volume[j] : square(s.old.spreads[j * d]) / shape[0];
            for (int64_t i = 0; i < d; ++i)
                s.next.spreads[j * d + i] = std::sqrt(size * shape[i]);
        }
        return raise_all(d, s) || floored;
    }
};

struct EVI {
    template <int D>
    static double slope(const SpreadStep& s) {
        return slope_of_columns<D>(s, false, true);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        unwhiten_columns(d, s);
        const bool floored =
            equal_volume_axes(d, s.k, s.weight, s.scatter, s.old.spreads, s.next.spreads);
        for (int64_t i = 0; i < s.k * d; ++i) s.next.spreads[i] = std::sqrt(s.next.spreads[i]);
        return raise_all(d, s) || floored;
    }
};

}  // namespace emix::EMIX_LEVEL
