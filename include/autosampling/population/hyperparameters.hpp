// Hyper-parameters along the way (population-based training; Jaderberg et al., 2017, arXiv:1711.09846): each member's
// own learning rate and weight decay, which go with its state and are varied as the run goes on.
//
// Letter: P members.
#pragma once

#include "autosampling/base/named_arrays.hpp"
#include "autosampling/options/options.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

class Hyperparameters {
  public:
    // A new run's: all 1, or under `resample` each drawn from its range. `options` resolved.
    explicit Hyperparameters(const Options& options);

    const HyperparameterFactors& of(std::int32_t member) const { return factors_.at(static_cast<std::size_t>(member)); }

    // After so many cycles: every member takes its parent's. Where they are varied, each one that is not its own
    // parent then varies what it took. `explored`: the sampling distribution was re-estimated now.
    void follow(std::span<const std::int32_t> parent, std::int64_t cycles_done, bool explored);

    // Whether they can differ from 1; only then is there something to save and to record.
    bool vary() const { return options_.explore != Variation::none; }
    void save(NamedArrays& arrays) const;
    void load(const NamedArrays& arrays);

  private:
    HyperparameterOptions options_;
    std::uint64_t seed_;
    std::vector<HyperparameterFactors> factors_; // (P)
};

} // namespace autosampling
