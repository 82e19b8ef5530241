// Rival rules of sampling, for one member ([sampling] rule): what is drawn, and what each draw weighs, by the labels or
// by the losses met so far.
//
// Letters: N training examples, K draws a cycle, B batch, T cycles.
#pragma once

#include "autosampling/base/named_arrays.hpp"
#include "autosampling/sampling/options.hpp"
#include "autosampling/sampling/sampler.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace autosampling {

// A rule and its memory, which lives where the member does. The loss of a batch is Σ weight · loss / B.
class SamplingRule {
  public:
    virtual ~SamplingRule() = default;

    // The indices of a cycle (K), the one after those that `learn` was told of: the same twice.
    virtual void draw(std::int64_t cycle, std::uint8_t attempt, std::span<std::uint32_t> out) const = 0;
    // What those draws weigh (K), as far as it is known before their losses.
    virtual void weights(std::int64_t cycle, std::uint8_t attempt, std::span<float> out) const;
    // Changes the weights (B) of a batch of the cycle once its losses (B) are known.
    virtual void reweigh(std::int64_t /*cycle*/, std::span<const float> /*loss*/, std::span<float> /*weight*/) const {}
    // The cycle stands: its indices (K) in the order in which they were fed, and their losses (K), finite.
    virtual void learn(std::span<const std::uint32_t> /*index*/, std::span<const float> /*loss*/) {}

    // The memory, under names that begin with "rule_".
    virtual void save(NamedArrays& /*arrays*/) const {}
    virtual void load(const NamedArrays& /*arrays*/) {} // Throws Error(checkpoint).
};

struct RuleInputs {
    std::uint64_t seed;
    std::span<const std::int32_t> label; // (N) as trained on
    std::uint32_t draws;                 // K
    std::int64_t cycles;                 // T
    const Sampler& sampler;              // uniform draws and epochs; outlives the rule
};

// The rule of this name; none for `uniform`.
//
//   class-balanced  a class uniformly, then one of its examples uniformly, both with replacement (Kang et al., ICLR
//                   2020, Decoupling representation and classifier, eq. 1 with q = 0)
//
//   loss-rank       the example whose latest known loss is the i-th greatest with probability ~ s_e^(−i / N), with
//                   replacement (Loshchilov & Hutter, 2015, arXiv:1511.06343). The first epoch is uniform, so that all
//                   losses are known; they are never recomputed without training. Losses within 1/16 of a power of two
//                   share their ranks.
//
//   small-loss      uniform; of each batch only the fraction R(t) with the smallest losses counts, as their mean (Han
//   et
//                   al., NeurIPS 2018, Co-teaching, with one network)
//
//   infobatch       passes through the training examples, each in a new order, from which those whose latest loss is
//                   below the mean are left out with probability r; the ones of them that stay weigh 1 / (1 − r).
//                   Passes that begin in the last δ of the run are whole (Qin et al., ICLR 2024, InfoBatch). A pass is
//                   shorter than an epoch of N draws, and the next one is planned up to a cycle ahead.
std::unique_ptr<SamplingRule> make_rule(const SamplingOptions& options, const RuleInputs& inputs);

// Loss-rank: s_e, from `pressure` in epoch 1 to `final_pressure` in the last one, exponentially. Epochs from 0.
double selection_pressure(const SamplingOptions& options, std::int64_t epoch, std::int64_t last_epoch);
// Small-loss: R(t) = 1 − min(t / T_k · τ, τ), t the epoch from 0.
double kept_fraction(const SamplingOptions& options, std::int64_t epoch);

// Whether another length of the run would change what is already drawn.
bool depends_on_length(const SamplingOptions& options);
// Bytes of the rule's memory.
std::int64_t rule_bytes(const SamplingOptions& options, std::int64_t training_images);

} // namespace autosampling
