// What members are fed in a cycle: drawn by the sampler in a search, read from a record in a replay.
//
// Letters: N training examples, K draws a cycle, T cycles.
#pragma once

#include "autosampling/base/random.hpp"
#include "autosampling/sampling/rules.hpp"
#include "autosampling/sampling/sampler.hpp"
#include "autosampling/training/options.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace autosampling {

class Feed {
  public:
    virtual ~Feed() = default;
    // The sub-schedule of one member (K). Pure: the same twice. Returns where a sampler's stream stands then, else 0.
    virtual std::int64_t draw(std::int32_t member, std::int64_t cycle, std::uint8_t attempt,
                              std::span<std::uint32_t> out) const = 0;
    // The key of its augmentation.
    virtual RandomKey augmentation(std::int32_t member, std::int64_t cycle, std::uint8_t attempt) const;
    // What the member's factors on the hyper-parameters were, where they are replayed.
    virtual std::optional<HyperparameterFactors> recorded_factors(std::int64_t /*cycle*/) const { return {}; }
    // The rule that weighs the draws and learns from their losses; null: none does.
    virtual SamplingRule* rule() { return nullptr; }

  protected:
    explicit Feed(std::uint64_t seed) : seed_(seed) {}
    std::uint64_t seed() const { return seed_; }

  private:
    std::uint64_t seed_;
};

// A search's: what the sampler draws.
class SampledFeed : public Feed {
  public:
    // The sampler outlives it.
    SampledFeed(const Sampler& sampler, std::uint64_t seed) : Feed(seed), sampler_(sampler) {}
    std::int64_t draw(std::int32_t member, std::int64_t cycle, std::uint8_t attempt,
                      std::span<std::uint32_t> out) const override;

  private:
    const Sampler& sampler_;
};

// One member's that is sampled by a rule with a memory.
class RuleFeed : public Feed {
  public:
    RuleFeed(std::unique_ptr<SamplingRule> rule, std::uint64_t seed) : Feed(seed), rule_(std::move(rule)) {}
    std::int64_t draw(std::int32_t member, std::int64_t cycle, std::uint8_t attempt,
                      std::span<std::uint32_t> out) const override;
    SamplingRule* rule() override { return rule_.get(); }

  private:
    std::unique_ptr<SamplingRule> rule_;
};

// Dynamic replay: a recorded schedule in its order. Exact, when it is given who drew what: then augmented as it was,
// and with the hyper-parameters that were applied.
class ScheduleFeed : public Feed {
  public:
    // Which member of which attempt drew each cycle; empty: augmented anew, as member 0.
    struct Line {
        std::vector<std::int32_t> member;           // (T)
        std::vector<std::int32_t> attempt;          // (T)
        std::vector<HyperparameterFactors> factors; // (T), or empty: all 1
    };
    // schedule (T, K)
    ScheduleFeed(std::vector<std::int32_t> schedule, Line line, std::uint64_t seed);
    std::int64_t draw(std::int32_t member, std::int64_t cycle, std::uint8_t attempt,
                      std::span<std::uint32_t> out) const override;
    RandomKey augmentation(std::int32_t member, std::int64_t cycle, std::uint8_t attempt) const override;
    std::optional<HyperparameterFactors> recorded_factors(std::int64_t cycle) const override;

  private:
    std::vector<std::int32_t> schedule_;
    Line line_;
};

// Static replay: draws with replacement from one fixed distribution.
class StaticFeed : public Feed {
  public:
    // probability (N), needs no normalisation.
    StaticFeed(std::span<const double> probability, std::uint64_t seed);
    std::int64_t draw(std::int32_t member, std::int64_t cycle, std::uint8_t attempt,
                      std::span<std::uint32_t> out) const override;

  private:
    std::vector<double> cumulative_; // (N)
};

} // namespace autosampling
