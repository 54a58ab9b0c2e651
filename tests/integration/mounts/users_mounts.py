"""--mount, tmpfs, missing mount points and directories of the node: what users may add to a container. I9 to I16, R16."""
import os
import unittest

from modes import differs
from mounts_site import MountsTest, copy_tools
from site_fixture import mounts


class UsersMounts(MountsTest):
    CONFIG = ""

    # --mount beside --volume.

    def test_a_bind_in_dockers_words_is_a_volume(self):
        for words in (f"type=bind,src={self.home}/data,dst=/d", f"type=bind,source={self.home}/data,destination=/d",
                      f"TYPE=bind,target=/d,source={self.home}/data", f"type=bind,src={self.home}/data,dst=/d,bind-propagation=private"):
            with self.subTest(words):
                self.assertEqual(self.output("--image=id:a1", "--mount", words, "sh", "-c", "cat /d/mine; echo more >>/d/new"), "of a\n")
                os.unlink(f"{self.a.home}/data/new")
        for flag in ("ro", "readonly", "readonly=true", "ro=1"):
            done = self.shifter("--image=id:a1", "--mount", f"type=bind,src={self.home}/data,dst=/d,{flag}", "sh", "-c", "echo x >/d/new")
            self.assertNotEqual(done.returncode, 0, flag)
            self.assertIn("Read-only file system", done.stderr)

    def test_the_order_of_the_command_line_holds_for_both(self):
        self.mine(f"{self.a.home}/data/below/deep", "deep\n")
        text = self.output("--image=id:a1", "--mount", f"type=bind,src={self.home}/data,dst=/one", "-V", "/one/below:/two",
                           "--mount", "type=bind,src=/two,dst=/three,ro", "-V", "/three:/four", "sh", "-c", "cat /four/deep; cat /var/shifterConfig.json")
        self.assertEqual(text.splitlines()[0], "deep")
        self.assertIn(f'"volMap":"{self.home}/data:/one;/one/below:/two;/three:/four;/two:/three:ro"', text)
        self.refused("--image=id:a1", "-V", "/two:/three", "-V", f"{self.home}/data:/two", "true", because="cannot use volume /two:/three")

    def test_one_destination_once_and_only_allowed_ones_whatever_the_option(self):
        bind = f"type=bind,src={self.home}/data,dst="
        self.refused_option("--mount", f"{bind}/etc", because="/etc is set by the site")
        self.refused_option("--mount", f"{bind}/proc/self", because="/proc is set by the site")
        self.refused_option("--mount", "type=tmpfs,dst=/dev/shm", because="/dev is set by the site")
        self.refused_option("--mount", "type=volume,src=x,dst=/x", because="the type is bind or tmpfs here")
        self.refused("--image=id:a1", "--mount", f"{bind}/x", "-V", f"{self.home}/data:/x/", "true", because="another volume is mounted on /x already")
        self.refused("--image=id:a1", "-V", "tmpfs:/x", "--mount", "type=tmpfs,dst=/x", "true", because="another volume is mounted on /x already")

    def refused_option(self, *words: str, because: str) -> None:
        done = self.shifter("--image=id:a1", *words, "true")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Ashifter: [^\n]+\n\Z")
        self.assertIn(because, done.stderr)

    def test_a_file_is_bound_over_a_file_and_where_there_is_none(self):
        self.put("usr/share/data/settings", "of the image\n")
        self.build("f1")
        mine = f"{self.home}/data/mine"
        self.assertEqual(self.output("--image=id:f1", "-V", f"{mine}:/usr/share/data/settings", "--mount", f"type=bind,src={mine},dst=/a/file,ro",
                                     "sh", "-c", "cat /usr/share/data/settings /a/file; stat -c %F /a/file"), "of a\nof a\nregular file\n")
        self.refused("--image=id:f1", "-V", f"{mine}:/usr/share/data", "true", because="it is a directory, and the source is not")
        self.refused("--image=id:f1", "-V", f"{self.home}/data:/usr/share/data/settings", "true", because="it is not a directory, and the source is one")

    def test_the_same_map_comes_by_the_environment(self):
        done = self.shifter("--image=id:a1", "sh", "-c", "stat -f -c %T /x", env={"SHIFTER_VOLUME": "tmpfs:/x:size=1M"})
        self.assertEqual((done.returncode, done.stdout), (0, "tmpfs\n"), done.stderr)

    # tmpfs.

    def test_a_tmpfs_is_the_callers_nosuid_nodev_and_as_large_as_was_asked_for(self):
        text = self.output("--image=id:a1", "--mount", "type=tmpfs,dst=/usr/share/scratch,size=2M", "-V", "tmpfs:/two:ro", "sh", "-c",
                           "stat -c '%u %g %a' /usr/share/scratch; stat -f -c '%b %S' /usr/share/scratch /two; echo x >/usr/share/scratch/x;"
                           "grep -E ' /(usr/share/scratch|two) ' /proc/self/mountinfo")
        lines = text.splitlines()
        self.assertEqual(lines[0], f"{self.a.uid} {self.a.gid} 1777")
        self.assertEqual([int(line.split()[0]) * int(line.split()[1]) for line in lines[1:3]], [2 << 20, 1 << 30])  # R16: asked for; the site's limit
        for line in lines[3:5]:
            self.assertIn("nosuid,nodev", line)
        self.assertRegex(lines[4], r" /two ro,")

    def test_R16_a_tmpfs_is_not_larger_than_the_site_allows_nor_can_it_hold_more(self):
        self.configured("tmpfsSizeLimit=4M\n")
        self.refused("--image=id:a1", "--mount", "type=tmpfs,dst=/x,size=4097k", "true",
                     because="cannot use volume tmpfs:/x: 4195328 bytes are more than the site's limit of 4194304 (tmpfsSizeLimit)")
        for option in ("type=tmpfs,dst=/x,size=4M", "type=tmpfs,dst=/x"):
            done = self.shifter("--image=id:a1", "--mount", option, "sh", "-c", "head -c 5000000 /dev/zero >/x/file; stat -c %s /x/file")
            self.assertEqual(done.stdout, "4194304\n")
            self.assertIn("No space left on device", done.stderr)

    # Mount points that the image does not have.

    def test_a_missing_mount_point_is_made_and_seen_in_the_container_alone(self):
        before = mounts(), mounts("1")
        text = self.output("--image=id:a1", "-V", f"{self.home}/data:/usr/share/new/deep", "-V", f"{self.home}/data/mine:/usr/share/new/file:ro",
                           "-V", f"{self.home}/data:/usr/share/data", "-V", f"{self.home}/data:/opt/app/x", "--mount", "type=tmpfs,dst=/bin/t", "sh", "-c",
                           "cat /usr/share/new/deep/mine /usr/share/new/file /usr/share/data/mine /opt/app/x/mine; ls /usr/share /usr/share/new /opt/app;"
                           "for i in /usr /usr/share /usr/share/new /bin /opt/app; do touch $i/no 2>&1 && echo writable; done; cat /proc/self/mountinfo")
        self.assertEqual(text.count("of a\n"), 4)
        self.assertIn("/usr/share:\ndata\nnew\n\n/usr/share/new:\ndeep\nfile\n", text)
        self.assertNotIn("writable", text)
        self.assertEqual(text.count("Read-only file system"), 5)
        for line in text.splitlines():
            if " overlay " in line:
                self.assertRegex(line.split()[5], r"^ro,nosuid,nodev")
        self.assertEqual((mounts(), mounts("1")), before)
        self.assertNotIn("new", self.output("--image=id:a1", "ls", "/usr/share"))

    def test_a_missing_mount_point_is_made_over_squashfuse_too(self):
        self.configured("imageMount=fuse\n")
        self.assertEqual(self.output("--image=id:a1", "-V", f"{self.home}/data:/usr/share/new", "cat", "/usr/share/new/mine"), "of a\n")

    def test_a_launch_that_needs_no_new_mount_point_reads_the_image_itself(self):
        text = self.output("--image=id:a1", "-V", f"{self.home}/data:/usr/share/data", "-V", f"{self.home}/data:/new", "cat", "/proc/self/mountinfo")
        self.assertEqual([line.split()[4] for line in text.splitlines() if " - overlay " in line], [] if differs("/etc") else ["/etc"])

    def test_I11_links_of_the_image_do_not_lead_the_making_elsewhere(self):
        tree = f"{self.site.dir}/tree-links"
        os.mkdir(tree)
        copy_tools(tree)
        os.makedirs(f"{tree}/usr/share")
        for name, target in (("to-etc", "/etc"), ("to-home", "/home"), ("to-proc", "/proc"), ("up", "../../../../.."), ("gone", "/nowhere/else"),
                             ("loop", "loop"), ("inside", "/usr"), ("to-tmp", "/tmp"), ("to-var", "/var/lib")):
            os.symlink(target, f"{tree}/usr/share/{name}")
        open(f"{tree}/usr/share/file", "w").close()
        os.mkfifo(f"{tree}/usr/share/fifo")
        self.build("d1", tree)
        for name in ("to-etc", "to-home", "to-proc", "gone", "loop", "file", "fifo", "to-var"):
            done = self.shifter("--image=id:d1", "-V", f"{self.home}/data:/usr/share/{name}/new/dir", "true")
            self.assertEqual((done.returncode, done.stdout), (1, ""), name)
            self.assertRegex(done.stderr, r"\Ashifter: [^\n]+\n\Z", name)
        for name, place in (("inside", "/usr"), ("up", "")):
            self.assertEqual(self.output("--image=id:d1", "-V", f"{self.home}/data:/usr/share/{name}/new/dir", "cat", f"{place}/new/dir/mine"), "of a\n")
        self.assertEqual(sorted(os.listdir(f"{self.site.dir}/home")), sorted(user.name for user in self.site.users.values()))
        self.assertFalse(os.path.lexists("/tmp/new") or os.path.lexists("/nowhere"))

    # Directories of the node.

    def test_nothing_of_the_node_is_bound_unless_the_site_allows_it(self):
        place = f"{self.site.dir}/site/scratch"
        self.mine(f"{place}/me/file", "scratch\n")
        self.refused("--image=id:a1", "-V", f"{place}/me:/x", "true", because=f'cannot open "{place}/me": No such file or directory')
        self.configured(f"userMountAllow={place}\n")
        self.assertEqual(self.output("--image=id:a1", "-V", f"{place}/me:/x", "--mount", f"type=bind,src={place}/me/file,dst=/y,ro", "cat", "/x/file", "/y"),
                         "scratch\nscratch\n")
        self.refused("--image=id:a1", "-V", f"{self.site.dir}/etc:/x", "true", because="is not among the directories that the site lets users bind")
        self.refused("--image=id:a1", "-V", f"{place}/none:/x", "true", because="No such file or directory")

    def test_I12_allowing_and_denying_is_by_component_and_deny_wins(self):
        top = f"{self.site.dir}/site/data"
        for name in ("open", "open/private", "open/privateer", "opened"):
            self.mine(f"{top}/{name}/file", f"{name}\n")
        os.symlink(f"{top}/open", f"{top}/link")
        os.symlink("private", f"{top}/open/to-private")
        os.symlink("../opened", f"{top}/open/out")
        for allow in (f"{top}/open", f"{top}/link"):  # the site's own links are resolved
            self.site.write_config(f"userMountAllow={allow}\nuserMountDeny={top}/open/private {top}/not-there\n")
            for source, allowed in ((f"{top}/open", False), (f"{top}/open/privateer", True), (f"{top}/link/privateer", True), (f"{top}/open/private", False),
                                    (f"{top}/open/private/file", False), (f"{top}/open/to-private", False), (f"{top}/opened", False), (f"{top}/open/out", False),
                                    (top, False)):
                done = self.shifter("--image=id:a1", "-V", f"{source}:/x", "ls", "/x")
                self.assertEqual(done.returncode, 0 if allowed else 1, f"{source}: {done.stderr}")
        self.site.write_config()

    def test_I10_the_caller_himself_must_reach_the_directory(self):
        place = f"{self.site.dir}/site/scratch"
        self.mine(f"{place}/b/secret/file", "of b\n", owner=self.b)
        os.chmod(f"{place}/b", 0o700)
        self.configured(f"userMountAllow={place}\n")
        self.refused("--image=id:a1", "-V", f"{place}/b/secret:/x", "true", because="Permission denied")
        self.assertEqual(self.output("--image=id:a1", "-V", f"{place}/b/secret:/x", "cat", "/x/file", user="b"), "of b\n")
        os.symlink(f"{place}/b/secret", f"{place}/me-to-b")
        self.refused("--image=id:a1", "-V", f"{place}/me-to-b:/x", "true", because="Permission denied")

    def test_what_the_container_shows_comes_first(self):
        self.put("usr/share/data/which", "of the image\n")
        self.build("e1")
        self.configured("userMountAllow=/usr\n")
        self.assertEqual(self.output("--image=id:e1", "-V", "/usr/share/data:/x", "cat", "/x/which"), "of the image\n")
        self.assertIn("python3", self.output("--image=id:e1", "-V", "/usr/bin:/x", "ls", "/x"))  # the image has no /usr/bin


if __name__ == "__main__":
    unittest.main()
