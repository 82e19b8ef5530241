#include "autosampling/population/exchange.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace autosampling {

void StateStore::keep(const Outcome& outcome, std::function<State()> take) {
    const bool best = best_.member < 0 || ahead(outcome, best_);
    if (best) best_ = outcome;
    if (!best && !keep_all_) return;
    if (!keep_all_) kept_.clear();
    kept_[outcome.member] = std::move(take);
}

void StateStore::settle() {
    for (auto& [member, take] : kept_) take = [state = take()] { return state; };
}

void StateStore::discard() {
    kept_.clear();
    best_ = {};
}

std::vector<Delivery> plan_deliveries(const Placement& placement, const Selection& selection, bool everywhere) {
    std::map<std::int32_t, std::set<int>> ranks; // by survivor
    for (std::int32_t member = 0; member < placement.members(); ++member)
        ranks[selection.parent[to_size(member)]].insert(placement.rank_of(member));
    if (everywhere)
        for (int rank = 0; rank < placement.ranks(); ++rank) ranks[selection.winner].insert(rank);

    std::vector<Delivery> deliveries;
    for (const std::int32_t survivor : selection.survivors) {
        Delivery delivery;
        delivery.source = placement.rank_of(survivor);
        ranks[survivor].erase(delivery.source);
        delivery.takers.assign(ranks[survivor].begin(), ranks[survivor].end());
        deliveries.push_back(std::move(delivery));
    }
    return deliveries;
}

State StateStore::exchange(const Selection& selection, bool everywhere, Transport& transport) {
    start_.clear(); // makes room for the states that are received
    std::vector<Delivery> deliveries = plan_deliveries(placement_, selection, everywhere);
    std::map<std::int32_t, State> after; // by survivor: what this rank holds of the next cycle's starts
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
        Delivery& delivery = deliveries[i];
        const std::int32_t survivor = selection.survivors[i];
        if (delivery.source == rank_) {
            after[survivor] = kept_.at(survivor)();
            delivery.state = after[survivor].memory();
        } else if (std::binary_search(delivery.takers.begin(), delivery.takers.end(), rank_)) {
            delivery.destination = (after[survivor] = State::unfilled(length_, device_)).fill();
        }
    }
    transport.exchange(deliveries);
    for (const std::int32_t member : placement_.members_of(rank_))
        start_[member] = after.at(selection.parent[to_size(member)]);
    discard();
    const auto winner = after.find(selection.winner);
    return winner == after.end() ? State{} : winner->second;
}

State StateStore::mean(std::span<const std::int32_t> members, Transport& transport) {
    start_.clear(); // makes room
    settle();       // the transport reads them; an exchange may follow
    std::vector<std::span<const float>> mine;
    std::vector<int> given(to_size(placement_.ranks()), 0);
    for (const std::int32_t member : members) {
        const int rank = placement_.rank_of(member);
        ++given[to_size(rank)];
        if (rank == rank_) mine.push_back(kept_.at(member)().memory());
    }
    State mean = State::unfilled(length_, device_);
    transport.average(mine, given, mean.fill());
    return mean;
}

void StateStore::adopt(const State& state) {
    for (const std::int32_t member : placement_.members_of(rank_)) start_[member] = state;
    discard();
}

} // namespace autosampling
