#include "autosampling/population/hyperparameters.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/random.hpp"

#include <algorithm>
#include <cmath>

namespace autosampling {

namespace {

// Log-uniform over [low, high].
double draw(const std::vector<double>& range, RandomStream& stream) {
    return range[0] * std::pow(range[1] / range[0], stream.real());
}

double varied_factor(double factor, const std::vector<double>& range, const HyperparameterOptions& options,
                     RandomStream& stream) {
    if (options.explore == Variation::resample)
        return stream.real() < options.resample_probability ? draw(range, stream) : factor;
    const double step = options.factors[stream.below(narrow<std::uint32_t>(options.factors.size()))];
    return std::clamp(factor * step, range[0], range[1]);
}

} // namespace

Hyperparameters::Hyperparameters(const Options& options)
    : options_(options.hyperparameters), seed_(options.run.seed), factors_(to_size(options.population.members)) {
    if (options_.explore != Variation::resample) return;
    for (std::uint32_t member = 0; member < factors_.size(); ++member) {
        RandomStream stream({.seed = seed_, .purpose = Purpose::hyper_parameter, .member = member}, 0);
        factors_[member] = {draw(options_.learning_rate_range, stream), draw(options_.weight_decay_range, stream)};
    }
}

void Hyperparameters::follow(std::span<const std::int32_t> parent, std::int64_t cycles_done, bool explored) {
    if (!vary()) return;
    EXPECT(parent.size() == factors_.size());
    const std::vector<HyperparameterFactors> before = factors_;
    const std::int64_t interval = options_.interval_cycles;
    const bool varied = (interval > 0 ? cycles_done % interval == 0 : explored);
    for (std::uint32_t member = 0; member < factors_.size(); ++member) {
        HyperparameterFactors& mine = factors_[member];
        mine = before[to_size(parent[member])];
        if (!varied || parent[member] == narrow<std::int32_t>(member)) continue;
        RandomStream stream({.seed = seed_,
                             .purpose = Purpose::hyper_parameter,
                             .member = member,
                             .cycle = narrow<std::uint32_t>(cycles_done)},
                            0);
        mine.learning_rate = varied_factor(mine.learning_rate, options_.learning_rate_range, options_, stream);
        mine.weight_decay = varied_factor(mine.weight_decay, options_.weight_decay_range, options_, stream);
    }
}

void Hyperparameters::save(NamedArrays& arrays) const {
    if (!vary()) return;
    std::vector<double> learning_rate, weight_decay;
    for (const HyperparameterFactors& factors : factors_) {
        learning_rate.push_back(factors.learning_rate);
        weight_decay.push_back(factors.weight_decay);
    }
    arrays["learning_rate_factor"] = std::move(learning_rate);
    arrays["weight_decay_factor"] = std::move(weight_decay);
}

void Hyperparameters::load(const NamedArrays& arrays) {
    if (!vary()) return;
    const auto& learning_rate = std::get<std::vector<double>>(arrays.at("learning_rate_factor"));
    const auto& weight_decay = std::get<std::vector<double>>(arrays.at("weight_decay_factor"));
    for (std::size_t member = 0; member < factors_.size(); ++member)
        factors_[member] = {learning_rate.at(member), weight_decay.at(member)};
}

} // namespace autosampling
