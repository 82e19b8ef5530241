#include "autosampling/sampling/sampler.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/sampling/arrays.hpp"
#include "autosampling/sampling/permutation.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <unordered_set>
#include <utility>

namespace autosampling {

namespace {

constexpr std::uint32_t read_ahead = 32; // draws for which memory is asked before one is waited for

// A slot that has no index yet.
struct Draw {
    RandomStream random;
    std::uint32_t slot;
    std::uint32_t picked = 0; // an index, or its place in the groups
    bool uniform = false;     // which of the two
};

} // namespace

Sampler::Sampler(const ExplorationOptions& options, std::uint64_t seed, std::uint32_t training_images,
                 std::uint32_t draws, Perturbation perturbation)
    : options_(options), seed_(seed), training_images_(training_images), draws_(draws),
      timetable_(options, training_images, draws), credit_(make_credit(options)),
      perturbation_(std::move(perturbation)), tally_(options, training_images),
      groups_(training_images, credit_->level(0, 0, 0)) {
    if (options.uniform == UniformDraws::lineage) pool_.emplace(training_images);
    adopt(estimate());
    exploration_ = 0;
}

Sampler::Sampler(const ExplorationOptions& options, std::uint64_t seed, std::uint32_t draws, std::int64_t batches,
                 Policy policy)
    : Sampler(options, seed, policy.signals().training_images(), draws, Perturbation(seed, 0)) {
    timetable_ = Timetable(options, training_images_, draws, batches);
    policy_.emplace(std::move(policy));
}

std::int64_t Sampler::draw(std::uint32_t member, std::int64_t cycle, std::uint8_t attempt,
                           std::span<std::uint32_t> out) const {
    EXPECT(out.size() == draws_);
    if (policy_) return policy_->draw(member, cycle, attempt, out);
    if (timetable_.learned(cycle)) {
        draw_learned(member, cycle, attempt, out);
    } else if (pool_) {
        pool_->draw({seed_, Purpose::uniform, member, static_cast<std::uint32_t>(cycle), attempt}, out);
    } else if (options_.uniform == UniformDraws::replacement) {
        const RandomKey key{seed_, Purpose::uniform, member, static_cast<std::uint32_t>(cycle), attempt};
        for (std::uint32_t slot = 0; slot < out.size(); ++slot)
            out[slot] = RandomStream(key, slot).below(training_images_);
    } else {
        draw_uniform(member, attempt, out);
    }
    return 0;
}

void Sampler::draw_uniform(std::uint32_t member, std::uint8_t attempt, std::span<std::uint32_t> out) const {
    std::int64_t position = uniform_cycles_ * draws_; // in the endless stream
    std::size_t filled = 0;
    while (filled < out.size()) {
        const auto number = static_cast<std::uint32_t>(position / training_images_);
        const auto first = static_cast<std::uint32_t>(position % training_images_);
        const KeyedPermutation permutation({seed_, Purpose::uniform, member, number, attempt}, training_images_);
        for (std::uint32_t place = first; place < training_images_ && filled < out.size(); ++place, ++position)
            out[filled++] = permutation(place);
    }
}

void Sampler::draw_learned(std::uint32_t member, std::int64_t cycle, std::uint8_t attempt,
                           std::span<std::uint32_t> out) const {
    const RandomKey key{seed_, Purpose::learned, member, static_cast<std::uint32_t>(cycle), attempt};
    const auto uniform_parts =
        options_.mixing == Mixing::draws ? static_cast<std::uint32_t>(options_.uniform_epochs) : std::uint32_t{0};
    std::unordered_set<std::uint32_t> seen; // in the order of the slots
    const std::uint32_t together = options_.replacement ? read_ahead : 1;
    std::vector<Draw> open;
    std::array<std::uint32_t, read_ahead> slots;
    std::array<RandomBlock, read_ahead> blocks;
    for (std::uint32_t first = 0; first < out.size(); first += together) {
        const std::size_t count = std::min<std::size_t>(together, out.size() - first);
        std::iota(slots.begin(), slots.end(), first);
        make_first_blocks(key, std::span(slots).first(count), std::span(blocks).first(count));
        for (std::size_t i = 0; i < count; ++i) open.push_back({RandomStream(key, slots[i], blocks[i]), slots[i]});
        while (!open.empty()) {
            for (Draw& draw : open) {
                draw.uniform = uniform_parts > 0 && draw.random.below(uniform_parts + 1) > 0;
                draw.picked = draw.uniform ? draw.random.below(training_images_) : pick_place(draw.random);
                if (!draw.uniform) groups_.prefetch(draw.picked);
            }
            std::erase_if(open, [&](Draw& draw) {
                const std::uint32_t index = draw.uniform ? draw.picked : groups_.order()[draw.picked];
                if (!perturbation_.accepts(member, exploration_, index, draw.random.bits())) return false;
                if (!options_.replacement && !seen.insert(index).second) return false;
                out[draw.slot] = index;
                return true;
            });
        }
    }
}

std::uint32_t Sampler::pick_place(RandomStream& random) const {
    const double share = random.real(), wanted = share * cumulative_.back();
    std::uint32_t level = guide_[static_cast<std::size_t>(share * static_cast<double>(guide_.size()))];
    while (level + 1 < cumulative_.size() && cumulative_[level] <= wanted) ++level;
    return groups_.bounds()[level] + random.below(groups_.group_size(level));
}

void Sampler::learn(std::int64_t cycle, const Evidence& evidence) {
    if (policy_) policy_->learn(evidence);
    count(cycle, credit_->contributions(evidence));
}

void Sampler::count(std::int64_t cycle, std::vector<Contribution> contributions) {
    if (!timetable_.learned(cycle)) {
        ++uniform_cycles_;
        if (pool_)
            for (const Contribution& contribution : contributions)
                if (contribution.survivor) pool_->use(contribution.indices);
    }
    tally_.add(std::move(contributions));
}

std::vector<double> Sampler::estimate() {
    if (const auto touched = tally_.take_touched()) {
        std::vector<std::uint32_t> level;
        level.reserve(touched->size());
        for (const std::uint32_t index : *touched) level.push_back(tally_.level(index));
        groups_.move(*touched, level);
    } else {
        std::vector<std::uint32_t> level(training_images_);
        for (std::uint32_t index = 0; index < training_images_; ++index) level[index] = tally_.level(index);
        groups_.assign(level);
    }
    std::vector<double> weights(groups_.levels());
    const double mean = tally_.mean_count();
    for (std::uint32_t level = 0; level < weights.size(); ++level) weights[level] = credit_->weight(level, mean);
    return weights;
}

void Sampler::adopt(std::vector<double> weights) {
    EXPECT(weights.size() == groups_.levels());
    weights_ = std::move(weights);
    // The last entry must be that of a group that isn't empty: pick_place falls back on it.
    std::uint32_t levels = groups_.levels();
    while (groups_.group_size(levels - 1) == 0) --levels;
    cumulative_.assign(levels, 0);
    double sum = 0;
    for (std::uint32_t level = 0; level < levels; ++level)
        cumulative_[level] = sum += groups_.group_size(level) * weights_[level];
    guide_.resize(std::bit_ceil(std::size_t{levels}));
    std::uint32_t level = 0;
    for (std::size_t part = 0; part < guide_.size(); ++part) {
        const double begin = static_cast<double>(part) / static_cast<double>(guide_.size()) * sum;
        while (level + 1 < levels && cumulative_[level] <= begin) ++level;
        guide_[part] = level;
    }
    ++exploration_;
}

double Sampler::entropy() const {
    double entropy = 0;
    if (policy_) {
        for (const double p : policy_->probability()) entropy -= p * std::log(p);
        return entropy;
    }
    for (std::uint32_t level = 0; level < groups_.levels(); ++level) {
        const double p = weights_[level] / cumulative_.back();
        if (groups_.group_size(level) > 0) entropy -= groups_.group_size(level) * p * std::log(p);
    }
    return entropy;
}

std::vector<double> Sampler::probability() const {
    if (policy_) return policy_->probability();
    std::vector<double> probability(training_images_);
    for (std::uint32_t index = 0; index < training_images_; ++index)
        probability[index] = weights_[groups_.level_of(index)] / cumulative_.back();
    return probability;
}

NamedArrays Sampler::save() const {
    NamedArrays arrays;
    tally_.save(arrays);
    if (pool_) pool_->save(arrays);
    if (policy_) policy_->save(arrays);
    arrays["group_order"] = std::vector<std::uint32_t>(groups_.order().begin(), groups_.order().end());
    arrays["group_bounds"] = std::vector<std::uint32_t>(groups_.bounds().begin(), groups_.bounds().end());
    arrays["level_weight"] = weights_;
    arrays["exploration"] = std::vector<std::uint32_t>{exploration_};
    arrays["uniform_cycles"] = std::vector<std::int64_t>{uniform_cycles_};
    return arrays;
}

void Sampler::load(const NamedArrays& arrays) {
    tally_.load(arrays);
    if (pool_) pool_->load(arrays);
    if (policy_) policy_->load(arrays);
    groups_ = LevelGroups(array<std::uint32_t>(arrays, "group_order", training_images_),
                          array<std::uint32_t>(arrays, "group_bounds"));
    const auto& weights = array<double>(arrays, "level_weight", groups_.levels());
    VALIDATE(std::all_of(weights.begin(), weights.end(), [](double w) { return w > 0 && std::isfinite(w); }),
             ExitCode::checkpoint, "the weights of the levels in the checkpoint are not positive (damaged file?)");
    adopt(weights);
    exploration_ = array<std::uint32_t>(arrays, "exploration", 1)[0];
    uniform_cycles_ = array<std::int64_t>(arrays, "uniform_cycles", 1)[0];
}

} // namespace autosampling
