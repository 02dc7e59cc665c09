// What it takes to say where a component in several columns stands, and whether
// it is thinner than the rounding of the data: emix.worth, where the reasons are.
#pragma once

#include "search_table.hpp"
#include "small_matrix.hpp"

namespace emix::EMIX_LEVEL {

class TablePlace {
  public:
    TablePlace(const TableGround& ground, std::int64_t structure, int64_t d)
        : ground_(ground), structure_(structure), d_{d}, storage_(2 * d * d + d) {
        matrix_ = storage_.get();
        rows_ = matrix_ + d * d;
        axes_ = rows_ + d * d;
    }

    // In nats; LEAST_WORTH nats less than what the place takes.
    double operator()(const double* factor) {
        const bool own_axes = structure_ >= structure_vee;
        if (own_axes) {
            // Singular values of the factor as seen from the data.
            for (int64_t c = 0; c < d_; ++c) {
                for (int64_t i = 0; i < d_; ++i) axes_[i] = factor[i * d_ + c];
                solve_lower(d_, ground_.factor, axes_, axes_);
                for (int64_t i = 0; i < d_; ++i) matrix_[i * d_ + c] = axes_[i];
            }
            singular_values();
            for (int64_t i = 0; i < d_; ++i) axes_[i] = std::log(axes_[i]);
        } else {
            double mean = 0.0;
            for (int64_t i = 0; i < d_; ++i) mean += ground_.variances[i];
            mean /= static_cast<double>(d_);
            const bool spherical = structure_ <= structure_vii;
            for (int64_t i = 0; i < d_; ++i)
                axes_[i] = std::log(factor[i * d_ + i]) -
                           0.5 * std::log(spherical ? mean : ground_.variances[i]);
        }
        double place = -ground_.least_worth;
        for (int64_t i = 0; i < d_; ++i) {
            if (!(axes_[i] >= 0.0)) place -= axes_[i];
            if (structure_ >= structure_eev)
                place += axes_[i] * static_cast<double>(d_ - 1 - 2 * i);
        }
        return place;
    }

    bool is_thin(const double* factor) {
        double logs = 0.0, squares = 0.0, most = 0.0;
        for (int64_t i = 0; i < d_; ++i) {
            logs += std::log(factor[i * d_ + i]);
            most = ground_.rounding[i] > most ? ground_.rounding[i] : most;
            for (int64_t c = 0; c <= i; ++c) squares += square(factor[i * d_ + c]);
        }
        // The least singular value is at least |L| ((d - 1) / |L|_F²)^((d - 1) / 2).
        const double others = static_cast<double>(d_ - 1);
        squares /= d_ > 1 ? others : 1.0;
        if (logs - 0.5 * others * std::log(squares) > std::log(most)) return false;
        for (int64_t c = 0; c < d_; ++c) {
            for (int64_t i = 0; i < d_; ++i) axes_[i] = i == c ? ground_.rounding[c] : 0.0;
            solve_lower(d_, factor, axes_, axes_);
            for (int64_t i = 0; i < d_; ++i) {
                if (!(std::fabs(axes_[i]) < infinity)) return true;
                matrix_[i * d_ + c] = axes_[i];
            }
        }
        singular_values();
        return axes_[0] > 1.0;
    }

  private:
    // Of `matrix_`, into `axes_`, the largest first.
    void singular_values() {
        set_identity(d_, rows_);
        diagonalise_rows(d_, matrix_, rows_);
        for (int64_t i = 0; i < d_; ++i)
            axes_[i] = std::sqrt(dot(d_, matrix_ + i * d_, matrix_ + i * d_));
    }

    const TableGround& ground_;
    std::int64_t structure_;
    Side<0> d_;
    Buffer storage_;
    double *matrix_, *rows_, *axes_;
};

}  // namespace emix::EMIX_LEVEL
