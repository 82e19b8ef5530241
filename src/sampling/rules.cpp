#include "autosampling/sampling/rules.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/sampling/arrays.hpp"
#include "autosampling/sampling/permutation.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace autosampling {

namespace {

RandomKey cycle_key(std::uint64_t seed, Purpose purpose, std::int64_t cycle, std::uint8_t attempt) {
    return {seed, purpose, 0, static_cast<std::uint32_t>(cycle), attempt};
}

class ClassBalanced : public SamplingRule {
  public:
    explicit ClassBalanced(const RuleInputs& inputs)
        : seed_(inputs.seed), groups_(static_cast<std::uint32_t>(inputs.label.size()), 0) {
        groups_.assign(std::vector<std::uint32_t>(inputs.label.begin(), inputs.label.end()));
        for (std::uint32_t label = 0; label < groups_.levels(); ++label)
            if (groups_.group_size(label) > 0) classes_.push_back(label);
    }

    void draw(std::int64_t cycle, std::uint8_t attempt, std::span<std::uint32_t> out) const override {
        for (std::uint32_t slot = 0; slot < out.size(); ++slot) {
            RandomStream random(cycle_key(seed_, Purpose::learned, cycle, attempt), slot);
            const std::uint32_t label = classes_[random.below(static_cast<std::uint32_t>(classes_.size()))];
            out[slot] = groups_.at(label, random.below(groups_.group_size(label)));
        }
    }

  private:
    std::uint64_t seed_;
    LevelGroups groups_;                 // the level is the label
    std::vector<std::uint32_t> classes_; // that have examples
};

// Levels of a loss: 16 to a power of two, from 2^-20 to 2^7 nats, by the upper bits of the number itself. One more for
// examples whose loss isn't known, ahead of all others.
constexpr float least_loss = 0x1p-20F, greatest_loss = 0x1p7F;
constexpr unsigned dropped_bits = 19; // of 23 after the binary point

std::uint32_t loss_level(float loss) {
    const float inside = std::clamp(loss, least_loss, greatest_loss);
    return (std::bit_cast<std::uint32_t>(inside) - std::bit_cast<std::uint32_t>(least_loss)) >> dropped_bits;
}

class LossRank : public SamplingRule {
  public:
    LossRank(const SamplingOptions& options, const RuleInputs& inputs)
        : options_(options), seed_(inputs.seed), sampler_(inputs.sampler),
          last_epoch_(inputs.sampler.timetable().epochs_complete(inputs.cycles - 1)),
          groups_(static_cast<std::uint32_t>(inputs.label.size()), loss_level(greatest_loss) + 1) {}

    void draw(std::int64_t cycle, std::uint8_t attempt, std::span<std::uint32_t> out) const override {
        const std::int64_t epoch = sampler_.timetable().epochs_complete(cycle);
        if (epoch == 0) {
            sampler_.draw(0, cycle, attempt, out);
            return;
        }
        const double log_pressure = std::log(selection_pressure(options_, epoch, last_epoch_));
        for (std::uint32_t slot = 0; slot < out.size(); ++slot) {
            RandomStream random(cycle_key(seed_, Purpose::learned, cycle, attempt), slot);
            const std::uint32_t ahead = draw_rank(random.real(), log_pressure);
            const std::uint32_t level = groups_.level_of(groups_.order()[groups_.size() - 1 - ahead]);
            out[slot] = groups_.at(level, random.below(groups_.group_size(level)));
        }
    }

    void learn(std::span<const std::uint32_t> index, std::span<const float> loss) override {
        for (std::size_t i = 0; i < index.size(); ++i) groups_.move(index[i], loss_level(loss[i]));
    }

    void save(NamedArrays& arrays) const override {
        arrays["rule_order"] = std::vector<std::uint32_t>(groups_.order().begin(), groups_.order().end());
        arrays["rule_bounds"] = std::vector<std::uint32_t>(groups_.bounds().begin(), groups_.bounds().end());
    }

    void load(const NamedArrays& arrays) override {
        groups_ = LevelGroups(array<std::uint32_t>(arrays, "rule_order", groups_.size()),
                              array<std::uint32_t>(arrays, "rule_bounds"));
    }

  private:
    // How many losses are greater, by the inverse of the cumulative probability (1 − s^(−i/N)) / (1 − 1/s) at u.
    std::uint32_t draw_rank(double u, double log_pressure) const {
        const double place = log_pressure == 0 ? u : -std::log1p(u * std::expm1(-log_pressure)) / log_pressure;
        return std::min(static_cast<std::uint32_t>(place * groups_.size()), groups_.size() - 1);
    }

    SamplingOptions options_;
    std::uint64_t seed_;
    const Sampler& sampler_;
    std::int64_t last_epoch_;
    LevelGroups groups_; // the level is the loss's
};

class SmallLoss : public SamplingRule {
  public:
    SmallLoss(const SamplingOptions& options, const RuleInputs& inputs) : options_(options), sampler_(inputs.sampler) {}

    void draw(std::int64_t cycle, std::uint8_t attempt, std::span<std::uint32_t> out) const override {
        sampler_.draw(0, cycle, attempt, out);
    }

    void reweigh(std::int64_t cycle, std::span<const float> loss, std::span<float> weight) const override {
        const double fraction = kept_fraction(options_, sampler_.timetable().epochs_complete(cycle));
        const auto size = static_cast<double>(loss.size());
        // Rounded down, but for what is a whole number up to rounding.
        const double kept = std::max(1.0, std::floor(fraction * size + 1e-9));
        std::vector<std::size_t> order(loss.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return loss[a] < loss[b]; });
        for (std::size_t place = 0; place < order.size(); ++place)
            weight[order[place]] = static_cast<double>(place) < kept ? static_cast<float>(size / kept) : 0.0F;
    }

  private:
    SamplingOptions options_;
    const Sampler& sampler_;
};

class InfoBatch : public SamplingRule {
  public:
    InfoBatch(const SamplingOptions& options, const RuleInputs& inputs)
        : prune_rate_(options.prune_rate), seed_(inputs.seed), draws_(inputs.draws),
          pruned_draws_((1 - options.anneal) * static_cast<double>(inputs.cycles * inputs.draws)),
          loss_(inputs.label.size(), std::numeric_limits<double>::quiet_NaN()) {
        plan();
    }

    // A repeated cycle feeds the same examples in another order.
    void draw(std::int64_t cycle, std::uint8_t attempt, std::span<std::uint32_t> out) const override {
        take(queue_, cycle, attempt, out);
    }
    void weights(std::int64_t cycle, std::uint8_t attempt, std::span<float> out) const override {
        take(queue_weight_, cycle, attempt, out);
    }

    void learn(std::span<const std::uint32_t> index, std::span<const float> loss) override {
        for (std::size_t i = 0; i < index.size(); ++i) loss_[index[i]] = loss[i];
        fed_ += draws_;
        plan();
    }

    void save(NamedArrays& arrays) const override {
        arrays["rule_loss"] = loss_;
        arrays["rule_queue"] = std::vector<std::uint32_t>(queue_.begin() + fed_, queue_.end());
        arrays["rule_queue_weight"] = std::vector<double>(queue_weight_.begin() + fed_, queue_weight_.end());
        arrays["rule_planned"] = std::vector<std::int64_t>{passes_, planned_};
    }

    void load(const NamedArrays& arrays) override {
        loss_ = array<double>(arrays, "rule_loss", loss_.size());
        queue_ = array<std::uint32_t>(arrays, "rule_queue");
        VALIDATE(queue_.size() >= draws_ && *std::max_element(queue_.begin(), queue_.end()) < loss_.size(),
                 ExitCode::checkpoint, "the draws planned in the checkpoint don't fit the run (damaged file?)");
        const auto& weight = array<double>(arrays, "rule_queue_weight", queue_.size());
        queue_weight_.assign(weight.begin(), weight.end());
        const auto& planned = array<std::int64_t>(arrays, "rule_planned", 2);
        passes_ = planned[0];
        planned_ = planned[1];
        fed_ = 0;
    }

  private:
    template<class T>
    void take(const std::vector<T>& queue, std::int64_t cycle, std::uint8_t attempt, std::span<T> out) const {
        const KeyedPermutation order(cycle_key(seed_, Purpose::uniform, cycle, attempt), draws_);
        for (std::uint32_t slot = 0; slot < out.size(); ++slot)
            out[slot] = queue[static_cast<std::size_t>(fed_) + (attempt == 0 ? slot : order(slot))];
    }

    // Sees to it that the next cycle is planned.
    void plan() {
        if (std::ssize(queue_) - fed_ >= draws_) return;
        queue_.erase(queue_.begin(), queue_.begin() + fed_);
        queue_weight_.erase(queue_weight_.begin(), queue_weight_.begin() + fed_);
        fed_ = 0;
        while (queue_.size() < draws_) plan_pass();
    }

    void plan_pass() {
        std::vector<std::uint32_t> kept;
        std::vector<float> weight;
        const double mean = mean_loss();
        for (std::uint32_t index = 0; index < loss_.size(); ++index) {
            const bool learned = static_cast<double>(planned_) < pruned_draws_ && loss_[index] < mean;
            RandomStream random(cycle_key(seed_, Purpose::learned, passes_, 0), index);
            if (learned && random.real() < prune_rate_) continue;
            kept.push_back(index);
            weight.push_back(learned ? static_cast<float>(1 / (1 - prune_rate_)) : 1.0F);
        }
        const auto size = static_cast<std::uint32_t>(kept.size());
        const KeyedPermutation order(cycle_key(seed_, Purpose::uniform, passes_, 0), std::max(1U, size));
        for (std::uint32_t place = 0; place < size; ++place) {
            queue_.push_back(kept[order(place)]);
            queue_weight_.push_back(weight[order(place)]);
        }
        ++passes_;
        planned_ += size;
    }

    // Of the known losses; NaN without any: nothing is below it, nor is an unknown loss below anything.
    double mean_loss() const {
        double sum = 0, known = 0;
        for (const double loss : loss_)
            if (!std::isnan(loss)) sum += loss, ++known;
        return sum / known;
    }

    double prune_rate_; // r
    std::uint64_t seed_;
    std::uint32_t draws_;
    double pruned_draws_;      // of the run, those of passes that prune
    std::vector<double> loss_; // (N) the latest; NaN: not known
    std::vector<std::uint32_t> queue_;
    std::vector<float> queue_weight_;
    std::int64_t fed_ = 0;                  // of the queue
    std::int64_t passes_ = 0, planned_ = 0; // passes that were planned, and their draws
};

} // namespace

void SamplingRule::weights(std::int64_t, std::uint8_t, std::span<float> out) const {
    std::fill(out.begin(), out.end(), 1.0F);
}

std::unique_ptr<SamplingRule> make_rule(const SamplingOptions& options, const RuleInputs& inputs) {
    if (options.rule == Rule::class_balanced) return std::make_unique<ClassBalanced>(inputs);
    if (options.rule == Rule::loss_rank) return std::make_unique<LossRank>(options, inputs);
    if (options.rule == Rule::small_loss) return std::make_unique<SmallLoss>(options, inputs);
    if (options.rule == Rule::infobatch) return std::make_unique<InfoBatch>(options, inputs);
    EXPECT(options.rule == Rule::uniform);
    return nullptr;
}

double selection_pressure(const SamplingOptions& options, std::int64_t epoch, std::int64_t last_epoch) {
    if (last_epoch <= 1) return options.pressure;
    const double along = static_cast<double>(epoch - 1) / static_cast<double>(last_epoch - 1);
    return options.pressure * std::pow(options.final_pressure / options.pressure, along);
}

double kept_fraction(const SamplingOptions& options, std::int64_t epoch) {
    return 1 - options.forget_rate * std::min(1.0, static_cast<double>(epoch) / options.forget_epochs);
}

bool depends_on_length(const SamplingOptions& options) {
    return options.rule == Rule::loss_rank || options.rule == Rule::infobatch;
}

std::int64_t rule_bytes(const SamplingOptions& options, std::int64_t training_images) {
    if (options.rule == Rule::infobatch) return training_images * 24; // losses and up to two passes
    return options.rule == Rule::loss_rank || options.rule == Rule::class_balanced ? training_images * 8 : 0;
}

} // namespace autosampling
