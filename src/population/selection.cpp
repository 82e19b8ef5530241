#include "autosampling/population/selection.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/random.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace autosampling {

namespace {

using MemberNumbers = std::vector<std::int32_t>;

// How many members at either end truncation looks at.
std::size_t truncated(const PopulationOptions& options, std::size_t members) {
    return std::max<std::size_t>(1, static_cast<std::size_t>(options.fraction * static_cast<double>(members)));
}

// Place by place: order[place] -> parent. `finite` members come first in `order`.
void top_k(std::size_t k, std::size_t finite, const MemberNumbers& order, MemberNumbers& parent) {
    k = std::min(k, finite);
    for (std::size_t place = k; place < order.size(); ++place) parent[to_size(order[place])] = order[(place - k) % k];
}

void truncate(std::size_t ends, std::size_t finite, const MemberNumbers& order, MemberNumbers& parent) {
    for (std::size_t j = 0; j < ends && j < order.size() - 1 - j; ++j)
        if (j < finite) parent[to_size(order[order.size() - 1 - j])] = order[j];
}

void hold_tournament(std::uint64_t seed, std::int64_t cycle, std::span<const Outcome> outcomes, MemberNumbers& parent) {
    MemberNumbers drawn(outcomes.size());
    std::iota(drawn.begin(), drawn.end(), 0);
    for (std::uint32_t left = narrow<std::uint32_t>(drawn.size()); left > 1; --left) {
        RandomStream random({seed, Purpose::tournament, 0, narrow<std::uint32_t>(cycle), 0}, left);
        std::swap(drawn[left - 1], drawn[random.below(left)]);
    }
    for (std::size_t pair = 0; pair + 1 < drawn.size(); pair += 2) {
        const auto a = to_size(drawn[pair]), b = to_size(drawn[pair + 1]);
        if (ahead(outcomes[a], outcomes[b]))
            parent[b] = drawn[pair];
        else
            parent[a] = drawn[pair + 1];
    }
}

} // namespace

bool ahead(const Outcome& a, const Outcome& b) {
    if (a.finite != b.finite) return a.finite > b.finite;
    if (a.finite && a.reward != b.reward) return a.reward > b.reward;
    if (a.finite && a.reward_loss != b.reward_loss) return a.reward_loss < b.reward_loss;
    return a.member < b.member;
}

std::int64_t survivor_slots(const Options& options) {
    const PopulationOptions& population = options.population;
    if (population.selection == SelectionRule::mean) return 0;
    if (options.exploration.kind == ExplorationKind::policy) return population.members;
    if (population.selection == SelectionRule::best) return 1;
    return population.selection == SelectionRule::top_k ? population.survivors : population.members;
}

std::int64_t most_survivors(const Options& options) {
    const PopulationOptions& population = options.population;
    const std::int64_t members = population.members;
    if (options.exploration.kind == ExplorationKind::policy) return members; // within a round
    if (population.selection == SelectionRule::mean) return 1;
    if (population.selection == SelectionRule::tournament) return members - members / 2;
    if (population.selection != SelectionRule::truncation) return std::min(members, survivor_slots(options));
    const auto ends = static_cast<std::int64_t>(truncated(population, static_cast<std::size_t>(members)));
    return members - std::min(ends, members / 2);
}

Selection select(const PopulationOptions& options, std::span<const Outcome> outcomes, std::uint64_t seed,
                 std::int64_t cycle) {
    EXPECT(!outcomes.empty());
    MemberNumbers order(outcomes.size()); // the best first
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](std::int32_t a, std::int32_t b) { return ahead(outcomes[to_size(a)], outcomes[to_size(b)]); });
    const auto finite =
        to_size(std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.finite != 0; }));
    if (finite == 0) return {};
    if (options.selection == SelectionRule::mean) {
        order.resize(finite);
        std::sort(order.begin(), order.end());
        return {-1, {}, std::move(order)};
    }

    Selection selection{order.front(), MemberNumbers(outcomes.size()), {}};
    std::iota(selection.parent.begin(), selection.parent.end(), 0);
    if (options.selection == SelectionRule::best) top_k(1, finite, order, selection.parent);
    if (options.selection == SelectionRule::top_k) top_k(to_size(options.survivors), finite, order, selection.parent);
    if (options.selection == SelectionRule::truncation)
        truncate(truncated(options, order.size()), finite, order, selection.parent);
    if (options.selection == SelectionRule::tournament) hold_tournament(seed, cycle, outcomes, selection.parent);

    for (std::int32_t& parent : selection.parent)
        if (!outcomes[to_size(parent)].finite) parent = selection.winner;
    selection.survivors = selection.parent;
    std::sort(selection.survivors.begin(), selection.survivors.end());
    selection.survivors.erase(std::unique(selection.survivors.begin(), selection.survivors.end()),
                              selection.survivors.end());
    for ([[maybe_unused]] const std::int32_t survivor : selection.survivors)
        ENSURE(selection.parent[to_size(survivor)] == survivor);
    return selection;
}

} // namespace autosampling
