#include "autosampling/base/cores.hpp"

#include <sched.h>

namespace autosampling {

std::vector<int> allowed_cores() {
    std::vector<int> cores;
    // A set that is too small for the machine's kernel is refused.
    for (int most = CPU_SETSIZE; cores.empty() && most <= (1 << 20); most *= 2) {
        cpu_set_t* const set = CPU_ALLOC(static_cast<std::size_t>(most));
        const std::size_t size = CPU_ALLOC_SIZE(most);
        if (sched_getaffinity(0, size, set) == 0) {
            for (int core = 0; core < most; ++core)
                if (CPU_ISSET_S(static_cast<std::size_t>(core), size, set)) cores.push_back(core);
        }
        CPU_FREE(set);
    }
    return cores;
}

} // namespace autosampling
