#include "targets.hpp"

namespace autosampling::fuzz {

const std::map<std::string, Target>& targets() {
    static const std::map<std::string, Target> all = [] {
        std::map<std::string, Target> found;
        add_data_targets(found);
        add_record_targets(found);
        add_message_target(found);
        return found;
    }();
    return all;
}

} // namespace autosampling::fuzz
