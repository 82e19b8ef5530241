// Which members a rank trains: a pure function of the two numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace autosampling {

// Ranks form teams of g neighbours (g = 1: each its own), which train members together; the first of a team holds their
// states. Members go to the teams in blocks of equal size, give or take one; teams beyond the members have none.
class Placement {
  public:
    // `ranks` a multiple of `ranks_per_member`.
    Placement(std::int64_t members, int ranks, int ranks_per_member = 1);

    std::int64_t members() const { return members_; }
    int ranks() const { return ranks_; }
    int rank_of(std::int32_t member) const;                                          // that holds its state
    std::vector<std::int32_t> members_of(int rank) const;                            // whose states it holds, ascending
    std::vector<std::int32_t> trained_by(int rank) const;                            // with its team, ascending
    std::int64_t most_members() const { return (members_ + teams() - 1) / teams(); } // of any rank
    // How many a rank trains at once: as many as asked for, and not more than it has.
    std::size_t at_once(std::int64_t asked) const;

  private:
    int teams() const { return ranks_ / ranks_per_member_; }
    std::int64_t first_of(int team) const;

    std::int64_t members_;
    int ranks_, ranks_per_member_;
};

} // namespace autosampling
