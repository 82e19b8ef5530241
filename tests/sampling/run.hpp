// The sampling of a whole run, with made-up rewards in place of training.
#pragma once

#include "autosampling/sampling/credit.hpp"
#include "autosampling/sampling/sampler.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace autosampling::testing_run {

using Schedule = std::vector<std::uint32_t>;

inline ExplorationOptions exploring_every_cycle(Credit credit, std::int64_t uniform_parts = 0) {
    ExplorationOptions options;
    options.credit = credit;
    options.first_epoch = 0;
    options.interval_cycles = 1;
    options.uniform_epochs = uniform_parts;
    options.mixing = Mixing::draws;
    return options;
}

inline Sampler make_sampler(const ExplorationOptions& options, std::uint32_t images, std::uint32_t draws,
                            std::uint64_t seed = 11) {
    return {resolve(options), seed, images, draws, Perturbation(seed, options.perturbation)};
}

inline Schedule drawn(const Sampler& sampler, std::size_t draws, std::uint32_t member, std::int64_t cycle,
                      std::uint8_t attempt = 0) {
    Schedule out(draws);
    sampler.draw(member, cycle, attempt, out);
    return out;
}

// What one cycle of a population did: the draws of each member, who won, and everyone's advantage.
struct LivedCycle {
    std::vector<Schedule> schedules; // (P)
    std::size_t winner;
    std::vector<std::int32_t> z;      // (P)
    std::vector<std::uint8_t> finite; // (P)
};

// One cycle, as the search has it: explore when due, draw, "train", count. An index that is a multiple of 3 is good
// for the reward; every seventh cycle one member is not finite.
inline LivedCycle live(Sampler& sampler, std::int64_t cycle, std::size_t draws, std::uint32_t members) {
    if (sampler.timetable().explores(cycle)) sampler.adopt(sampler.estimate());
    LivedCycle lived;
    std::vector<double> reward(members, 0);
    std::vector<std::uint8_t> finite(members, 1);
    for (std::uint32_t member = 0; member < members; ++member) {
        lived.schedules.push_back(drawn(sampler, draws, member, cycle));
        for (const std::uint32_t index : lived.schedules.back()) reward[member] += index % 3 == 0 ? 1 : 0;
        reward[member] += 1e-3 * member;
    }
    if (cycle % 7 == 6 && members > 1) finite[static_cast<std::size_t>(cycle) % members] = 0;
    lived.winner = members;
    for (std::size_t member = 0; member < members; ++member)
        if (finite[member] && (lived.winner == members || reward[member] > reward[lived.winner])) lived.winner = member;
    lived.z = advantage(reward, finite);
    std::vector<Contribution> contributions;
    for (std::size_t member = 0; member < members; ++member)
        contributions.push_back(
            {member == lived.winner, finite[member] != 0, lived.z[member], lived.schedules[member]});
    sampler.count(cycle, std::move(contributions));
    lived.finite = finite;
    return lived;
}

} // namespace autosampling::testing_run
