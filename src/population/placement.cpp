#include "autosampling/population/placement.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"

#include <algorithm>
#include <numeric>

namespace autosampling {

Placement::Placement(std::int64_t members, int ranks, int ranks_per_member)
    : members_(members), ranks_(ranks), ranks_per_member_(ranks_per_member) {
    EXPECT(members >= 1 && ranks >= 1 && ranks_per_member >= 1 && ranks % ranks_per_member == 0);
}

std::int64_t Placement::first_of(int team) const {
    return members_ < teams() ? std::min<std::int64_t>(team, members_) : team * members_ / teams();
}

int Placement::rank_of(std::int32_t member) const {
    EXPECT(member >= 0 && member < members_);
    if (members_ < teams()) return member * ranks_per_member_;
    int team = narrow<int>(member * std::int64_t{teams()} / members_);
    while (first_of(team + 1) <= member) ++team;
    return team * ranks_per_member_;
}

std::vector<std::int32_t> Placement::members_of(int rank) const {
    return rank % ranks_per_member_ == 0 ? trained_by(rank) : std::vector<std::int32_t>{};
}

std::vector<std::int32_t> Placement::trained_by(int rank) const {
    const int team = rank / ranks_per_member_;
    const auto first = narrow<std::int32_t>(first_of(team));
    std::vector<std::int32_t> members(to_size(first_of(team + 1) - first));
    std::iota(members.begin(), members.end(), first);
    return members;
}

std::size_t Placement::at_once(std::int64_t asked) const {
    return to_size(std::min(asked, most_members()));
}

} // namespace autosampling
