// Which members a rank trains: a pure function of the two numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace autosampling {

// Members in blocks of equal size, give or take one; ranks beyond the members have none.
class Placement {
  public:
    Placement(std::int64_t members, int ranks);

    std::int64_t members() const { return members_; }
    int ranks() const { return ranks_; }
    int rank_of(std::int32_t member) const;
    std::vector<std::int32_t> members_of(int rank) const;                          // ascending
    std::int64_t most_members() const { return (members_ + ranks_ - 1) / ranks_; } // of any rank

  private:
    std::int64_t first_of(int rank) const;

    std::int64_t members_;
    int ranks_;
};

} // namespace autosampling
