#include "autosampling/population/placement.hpp"

#include "autosampling/base/error.hpp"

#include <numeric>

namespace autosampling {

Placement::Placement(std::int64_t members, int ranks) : members_(members), ranks_(ranks) {
    EXPECT(members >= 1 && ranks >= 1);
}

std::int64_t Placement::first_of(int rank) const {
    return members_ < ranks_ ? std::min<std::int64_t>(rank, members_) : rank * members_ / ranks_;
}

int Placement::rank_of(std::int32_t member) const {
    EXPECT(member >= 0 && member < members_);
    if (members_ < ranks_) return member;
    int rank = static_cast<int>(member * std::int64_t{ranks_} / members_);
    while (first_of(rank + 1) <= member) ++rank;
    return rank;
}

std::vector<std::int32_t> Placement::members_of(int rank) const {
    const auto first = static_cast<std::int32_t>(first_of(rank));
    std::vector<std::int32_t> members(static_cast<std::size_t>(first_of(rank + 1) - first));
    std::iota(members.begin(), members.end(), first);
    return members;
}

} // namespace autosampling
