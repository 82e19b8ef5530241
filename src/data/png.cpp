// PNG by libpng.
#include "codecs.hpp"

#include <png.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace autosampling::detail {

namespace {

using File = std::span<const std::uint8_t>;

bool is_png(File file) {
    return file.size() > 8 && png_sig_cmp(file.data(), 0, 8) == 0;
}

// An open PNG. libpng leaves its calls by longjmp at errors, and warnings are made errors: what jumps is in functions
// of its own that have nothing to destroy.
class Png {
  public:
    explicit Png(File file) : file_(file) {
        png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, fail);
        if (png_ != nullptr) info_ = png_create_info_struct(png_);
        if (info_ == nullptr || !read_header()) refuse();
        size_ = {static_cast<int>(png_get_image_height(png_, info_)),
                 static_cast<int>(png_get_image_width(png_, info_))};
    }
    ~Png() { png_destroy_read_struct(&png_, &info_, nullptr); }
    Png(const Png&) = delete;
    Png& operator=(const Png&) = delete;

    PictureSize size() const { return size_; }

    // RGB of 8 bits, as Pillow's conversion has it: without transparency, and whatever colours the file says it means.
    Picture decode() {
        const std::size_t row = std::size_t{3} * size_.width;
        Picture picture{size_.height, size_.width, std::vector<std::uint8_t>(row * size_.height)};
        std::vector<png_bytep> rows(static_cast<std::size_t>(size_.height));
        for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = picture.pixels.data() + y * row;
        if (!read_rows(rows.data(), row)) refuse();
        return picture;
    }

  private:
    static void fail(png_structp png, png_const_charp message) {
        std::strncpy(static_cast<Png*>(png_get_error_ptr(png))->message_, message, sizeof(message_) - 1);
        png_longjmp(png, 1);
    }
    static void read(png_structp png, png_bytep out, std::size_t bytes) {
        auto& self = *static_cast<Png*>(png_get_io_ptr(png));
        if (bytes > self.file_.size()) png_error(png, "cut short");
        std::copy_n(self.file_.begin(), bytes, out);
        self.file_ = self.file_.subspan(bytes);
    }
    bool read_header() {
        if (setjmp(png_jmpbuf(png_)) != 0) return false;
        png_set_read_fn(png_, this, read);
        png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1); // nor known ones that aren't needed
        png_read_info(png_, info_);
        return true;
    }
    bool read_rows(png_bytepp rows, std::size_t row_bytes) {
        if (setjmp(png_jmpbuf(png_)) != 0) return false;
        png_set_palette_to_rgb(png_);
        png_set_expand_gray_1_2_4_to_8(png_);
        png_set_gray_to_rgb(png_);
        png_set_strip_16(png_);
        png_set_strip_alpha(png_);
        png_set_interlace_handling(png_);
        png_read_update_info(png_, info_);
        if (png_get_rowbytes(png_, info_) != row_bytes) png_error(png_, "an unknown kind of pixels");
        png_read_image(png_, rows);
        png_read_end(png_, nullptr);
        return true;
    }
    [[noreturn]] void refuse() {
        const std::string message = message_;
        png_destroy_read_struct(&png_, &info_, nullptr);
        throw std::runtime_error(message);
    }

    File file_; // what isn't read yet
    png_structp png_ = nullptr;
    png_infop info_ = nullptr;
    PictureSize size_;
    char message_[200] = "libpng cannot start";
};

} // namespace

const Codec png_codec{is_png, [](File file) { return Png(file).size(); },
                      [](File file, int) { return Png(file).decode(); }};

} // namespace autosampling::detail
