// The member states that a rank holds, and how the survivors' get to everybody.
//
// Letters: P members, D state length.
#pragma once

#include "autosampling/comm/transport.hpp"
#include "autosampling/population/placement.hpp"
#include "autosampling/population/selection.hpp"
#include "autosampling/training/state.hpp"

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace autosampling {

// Under `best` a rank holds one state beside those at work; two where it has more members than trainers.
class StateStore {
  public:
    // `rank` holds placement.members_of(rank). Only the best of them is kept at the end of a cycle unless `keep_all`.
    StateStore(const Placement& placement, int rank, std::int64_t length, at::Device device, bool keep_all)
        : placement_(placement), rank_(rank), length_(length), device_(device), keep_all_(keep_all) {}

    // What a member of this rank starts the cycle from.
    const State& start(std::int32_t member) const { return start_.at(member); }
    void set_start(std::int32_t member, State state) { start_[member] = std::move(state); }
    // Holds what a member ended the cycle with, where it may be needed. `take` copies it from where it must stay until
    // then: in `settle`, or once it is known who goes on from it.
    void keep(const Outcome& outcome, std::function<State()> take);
    // Takes all that is kept so far.
    void settle();
    // Forgets what was kept: the cycle is repeated.
    void discard();

    // Starts that every member takes its parent's state; all copies see the states before the exchange. With
    // `everywhere` the winner's state is given to ranks that have no member taking it, too. Returns the winner's state
    // where this rank holds it afterwards. The states are there when the transport has completed the exchange, and
    // what is returned is kept till then. Collective.
    State exchange(const Selection& selection, bool everywhere, Transport& transport);
    // The mean of these members' states at the end of the cycle (ascending, at least one), on every rank, before the
    // exchange. Needs `keep_all`. Collective.
    State mean(std::span<const std::int32_t> members, Transport& transport);
    // Instead of an exchange: every member goes on from this state.
    void adopt(const State& state);

  private:
    Placement placement_;
    int rank_;
    std::int64_t length_;
    at::Device device_;
    bool keep_all_;
    std::map<std::int32_t, State> start_;                 // by member
    std::map<std::int32_t, std::function<State()>> kept_; // likewise: what gives it
    Outcome best_;                                        // of this rank's members, by `ahead`
};

// The deliveries of an exchange, without spans: for each distinct parent its rank and the other ranks that need it.
std::vector<Delivery> plan_deliveries(const Placement& placement, const Selection& selection, bool everywhere);

} // namespace autosampling
