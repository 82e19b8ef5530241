// The cores that this process may run on.
#pragma once

#include <vector>

namespace autosampling {

// Their numbers, ascending: by its affinity, which a launcher's binding, a scheduler's cpuset or taskset has set.
std::vector<int> allowed_cores();

} // namespace autosampling
